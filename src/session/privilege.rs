//! Starting the shell of another user: sudo and su. The conversation is pure; see [`Talk`].
//!
//! Nothing is sent before the host asks for a password or the other user's shell says it is ready:
//! a shell that needs no password would take it for a command. The password travels on standard
//! input, once, and only in answer to the prompt; a second prompt means it was refused. sudo reads
//! its line byte by byte, so what follows is the shell's.

use super::{
    connection::{Become, Method},
    error::BecomeProblem,
    frame::{LOOP, Nonce},
};

/// The command that becomes the user and starts the shell, for a POSIX login shell.
pub(crate) fn command(other: &Become, nonce: &Nonce) -> String {
    use rprov_modules::kit::quote;
    let shell = quote(&format!("echo {};{LOOP}", ready(nonce)));
    let flags = other.flags.iter().map(|flag| quote(flag) + " ").collect::<String>();
    let user = quote(&other.user);
    let exe = |name: &str| match other.exe.is_empty() {
        true => name.to_owned(),
        false => other.exe.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" "),
    };
    match other.method {
        Method::Sudo => format!(
            "exec {} -H -S -p {} {flags}-u {user} -- /bin/sh -c {shell}",
            exe("sudo"),
            quote(&prompt(nonce))
        ),
        Method::Su => format!("exec {} {flags}-s /bin/sh -c {shell} -- {user}", exe("su")),
    }
}

fn ready(nonce: &Nonce) -> String {
    format!("{}-ready", nonce.as_str())
}

fn prompt(nonce: &Nonce) -> String {
    format!("[{}-password]", nonce.as_str())
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing is clear yet.
    Wait,
    /// Send this line.
    Password(String),
    /// The shell is there. What its streams said behind the ready line is its own.
    Ready {
        rest: Vec<u8>,
    },
    Failed(BecomeProblem),
}

/// The conversation up to the ready line.
pub(crate) struct Talk<'a> {
    other: &'a Become,
    ready: String,
    prompt: String,
    out: Vec<u8>,
    err: Vec<u8>,
    answered: bool,
}

impl<'a> Talk<'a> {
    pub(crate) fn new(other: &'a Become, nonce: &Nonce) -> Talk<'a> {
        let (ready, prompt) = (format!("{}\n", ready(nonce)), prompt(nonce));
        Talk { other, ready, prompt, out: Vec::new(), err: Vec::new(), answered: false }
    }

    /// Takes what a stream said.
    pub(crate) fn hear(&mut self, out: &[u8], err: &[u8]) -> Turn {
        self.out.extend_from_slice(out);
        self.err.extend_from_slice(err);
        if let Some(at) = find(&self.out, self.ready.as_bytes()) {
            return Turn::Ready { rest: self.out.split_off(at + self.ready.len()) };
        }
        if !self.asked() {
            return Turn::Wait;
        }
        match &self.other.password {
            _ if self.answered => Turn::Failed(BecomeProblem::PasswordRefused),
            None => Turn::Failed(BecomeProblem::PasswordMissing),
            Some(password) => {
                self.answered = true;
                self.out.clear();
                self.err.clear();
                Turn::Password(format!("{password}\n"))
            }
        }
    }

    /// The end of the streams before the shell was there.
    pub(crate) fn end(&self, why: &str) -> BecomeProblem {
        let said = self.said();
        let refused = |text: &str| said.to_lowercase().contains(text);
        if self.answered
            && (self.other.method == Method::Su
                || refused("incorrect password")
                || refused("try again"))
        {
            return BecomeProblem::PasswordRefused;
        }
        if !self.answered && self.other.password.is_none() && refused("a password is required") {
            return BecomeProblem::PasswordMissing;
        }
        BecomeProblem::Failed(if said.is_empty() { why.to_owned() } else { said })
    }

    /// Whether the host waits for a password now.
    fn asked(&self) -> bool {
        match self.other.method {
            Method::Sudo => {
                let prompt = self.prompt.as_bytes();
                find(&self.err, prompt).is_some() || find(&self.out, prompt).is_some()
            }
            // su's prompt is translated, but it is the last thing said and has no line end.
            Method::Su => [&self.err, &self.out].into_iter().any(|said| {
                let said = String::from_utf8_lossy(said);
                let last = said.rsplit('\n').next().unwrap_or_default().trim_end();
                last.ends_with(':') || last.ends_with('：')
            }),
        }
    }

    fn said(&self) -> String {
        let text = [self.err.as_slice(), self.out.as_slice()].concat();
        let text = String::from_utf8_lossy(&text).replace(&self.prompt, "");
        text.trim().to_owned()
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(method: Method, password: Option<&str>) -> Become {
        let password = password.map(str::to_owned);
        Become { method, user: "root".into(), password, exe: vec![], flags: vec![] }
    }

    #[test]
    fn the_password_is_sent_once_and_only_when_asked_for() {
        let nonce = Nonce::random();
        let prompt = prompt(&nonce);
        let own = other(Method::Sudo, Some("secret"));
        let mut talk = Talk::new(&own, &nonce);
        assert_eq!(talk.hear(b"motd: ", b"lecture\n"), Turn::Wait);
        assert_eq!(talk.hear(b"", &prompt.as_bytes()[..9]), Turn::Wait);
        assert_eq!(talk.hear(b"", &prompt.as_bytes()[9..]), Turn::Password("secret\n".into()));
        assert_eq!(talk.hear(b"", b"\n"), Turn::Wait);
        let ready = format!("{}-ready\n\nx", nonce.as_str());
        assert_eq!(talk.hear(ready.as_bytes(), b""), Turn::Ready { rest: b"\nx".to_vec() });

        let mut talk = Talk::new(&own, &nonce);
        assert!(matches!(talk.hear(b"", prompt.as_bytes()), Turn::Password(_)));
        let again = format!("\nSorry, try again.\n{prompt}");
        assert_eq!(talk.hear(b"", again.as_bytes()), Turn::Failed(BecomeProblem::PasswordRefused));
        let nobody = other(Method::Sudo, None);
        let mut talk = Talk::new(&nobody, &nonce);
        assert_eq!(talk.hear(b"", prompt.as_bytes()), Turn::Failed(BecomeProblem::PasswordMissing));
        let talk = Talk::new(&nobody, &nonce);
        assert_eq!(talk.end("status 1"), BecomeProblem::Failed("status 1".into()));
    }

    #[test]
    fn su_has_its_own_prompt() {
        let nonce = Nonce::random();
        let own = other(Method::Su, Some("x"));
        let mut talk = Talk::new(&own, &nonce);
        assert_eq!(talk.hear(b"", b"Mot de passe :\xc2\xa0"), Turn::Password("x\n".into()));
        assert_eq!(talk.hear(b"", b"\nsu: Authentication failure\n"), Turn::Wait);
        assert_eq!(talk.end("status 1"), BecomeProblem::PasswordRefused);
    }
}
