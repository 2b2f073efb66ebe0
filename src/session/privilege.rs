//! Starting the shell of another user: sudo, su, doas, runuser. The conversation is pure; see
//! [`Talk`].
//!
//! Nothing is sent before the host asks for a password or the other user's shell says it is ready:
//! a shell that needs no password would take it for a command. The password travels on standard
//! input, once, and only in answer to the prompt; a second prompt means it was refused. sudo reads
//! its line byte by byte, so what follows is the shell's.

use super::{
    connection::{Become, Method},
    error::BecomeProblem,
    frame::{LOOP_BEHIND_LOGIN, Nonce},
};

/// The command that says it has begun, becomes the user and starts the shell, for a POSIX login shell. Where
/// the program is missing, whoever is that user already goes on as it is.
pub(crate) fn command(other: &Become, nonce: &Nonce) -> String {
    use rprov_modules::kit::quote;
    let shell = quote(&format!("echo {};{LOOP_BEHIND_LOGIN}", ready(nonce)));
    let mut flags = other.flags.iter().map(|flag| quote(flag) + " ").collect::<String>();
    let user = quote(&other.user);
    let program = other.program();
    let start = match other.method {
        Method::Sudo => {
            if other.flags.is_empty() {
                flags.push_str("-H ");
            }
            let first = match &other.directory {
                Some(directory) => format!("cd {} && ", quote(directory)),
                None => String::new(),
            };
            let prompt = quote(&prompt(nonce));
            format!("{first}exec {program} {flags}-S -p {prompt} -u {user} -- /bin/sh -c {shell}")
        }
        Method::Su | Method::Runuser => {
            format!("exec {program} {flags}-s /bin/sh -c {shell} -- {user}")
        }
        Method::Doas => {
            // Without a password it must not ask: there may be no terminal to ask on.
            let quiet = if other.password.is_none() { "-n " } else { "" };
            format!("exec {program} {quiet}{flags}-u {user} -- /bin/sh -c {shell}")
        }
    };
    let missing = format!("! command -v {} >/dev/null", quote(other.name()));
    let already = format!("[ \"$(id -un)\" = {user} ] && exec /bin/sh -c {shell}");
    let begun = format!("echo {}", begun(nonce));
    format!("exec /bin/sh -c {}", quote(&format!("{begun}; {missing} && {already}; {start}")))
}

/// Whether the command cannot do without a terminal from the beginning.
pub(crate) fn needs_terminal(other: &Become) -> bool {
    other.method == Method::Doas && other.password.is_some()
}

/// The login shell has run what it was given: what fails from now on is the way to the other user.
fn begun(nonce: &Nonce) -> String {
    format!("{}-begun", nonce.as_str())
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
    /// Send this line, to the terminal if that is where it was asked for.
    Password {
        line: String,
        terminal: bool,
    },
    /// The shell is there. What its streams said behind the ready line is its own.
    Ready {
        rest: Vec<u8>,
    },
    Failed(BecomeProblem),
}

/// The conversation up to the ready line.
pub(crate) struct Talk<'a> {
    other: &'a Become,
    begun: String,
    ready: String,
    prompt: String,
    out: Vec<u8>,
    err: Vec<u8>,
    /// What was said on the terminal, if there is one.
    terminal: Vec<u8>,
    has_begun: bool,
    answered: bool,
}

impl<'a> Talk<'a> {
    pub(crate) fn new(other: &'a Become, nonce: &Nonce) -> Talk<'a> {
        let (begun, ready) = (format!("{}\n", begun(nonce)), format!("{}\n", ready(nonce)));
        let (out, err, terminal, has_begun, answered) = Default::default();
        Talk { other, begun, ready, prompt: prompt(nonce), out, err, terminal, has_begun, answered }
    }

    /// Takes what was said on the terminal.
    pub(crate) fn hear_terminal(&mut self, said: &[u8]) -> Turn {
        self.terminal.extend_from_slice(said);
        self.turn()
    }

    /// Takes what a stream said.
    pub(crate) fn hear(&mut self, out: &[u8], err: &[u8]) -> Turn {
        self.out.extend_from_slice(out);
        self.err.extend_from_slice(err);
        self.turn()
    }

    fn turn(&mut self) -> Turn {
        if !self.has_begun
            && let Some(at) = find(&self.out, self.begun.as_bytes())
        {
            self.has_begun = true;
            self.out.drain(at..at + self.begun.len());
        }
        if let Some(at) = find(&self.out, self.ready.as_bytes()) {
            return Turn::Ready { rest: self.out.split_off(at + self.ready.len()) };
        }
        let terminal = self.asked_in(&self.terminal);
        if !terminal && !self.asked_in(&self.err) && !self.asked_in(&self.out) {
            return Turn::Wait;
        }
        match &self.other.password {
            _ if self.answered => Turn::Failed(BecomeProblem::PasswordRefused),
            None => Turn::Failed(BecomeProblem::PasswordMissing),
            Some(password) => {
                self.answered = true;
                self.out.clear();
                self.err.clear();
                self.terminal.clear();
                Turn::Password { line: format!("{password}\n"), terminal }
            }
        }
    }

    /// The end of the streams before the shell was there. `Err`: before anything was begun, in words.
    pub(crate) fn end(&self, why: &str) -> Result<BecomeProblem, String> {
        let said = self.said();
        if !self.has_begun {
            return Err(if said.is_empty() { why.to_owned() } else { format!("{why}: {said}") });
        }
        Ok(self.refusal(why, said))
    }

    fn refusal(&self, why: &str, said: String) -> BecomeProblem {
        let refused = |text: &str| said.to_lowercase().contains(text);
        if self.answered
            && (matches!(self.other.method, Method::Su | Method::Doas)
                || refused("incorrect password")
                || refused("try again"))
        {
            return BecomeProblem::PasswordRefused;
        }
        if !self.answered && self.other.password.is_none() {
            // In doas's words: it may ask, but must not.
            let asks = match self.other.method {
                Method::Doas => refused("authentication required"),
                _ => refused("a password is required"),
            };
            if asks {
                return BecomeProblem::PasswordMissing;
            }
        }
        // The word is the same in most languages.
        if self.other.method == Method::Sudo && !self.answered && refused("tty") {
            return BecomeProblem::TerminalMissing;
        }
        BecomeProblem::Failed(if said.is_empty() { why.to_owned() } else { said })
    }

    /// Whether these last words ask for a password.
    fn asked_in(&self, said: &[u8]) -> bool {
        match self.other.method {
            Method::Sudo => find(said, self.prompt.as_bytes()).is_some(),
            // A prompt is translated, but it is the last thing said and has no line end.
            Method::Su | Method::Doas | Method::Runuser => {
                let said = String::from_utf8_lossy(said);
                let last = said.rsplit('\n').next().unwrap_or_default().trim_end();
                last.ends_with(':') || last.ends_with('：')
            }
        }
    }

    fn said(&self) -> String {
        let text = [&*self.err, &self.out, &self.terminal].concat();
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
        Become { password, ..Become::new(method, "root") }
    }

    fn begun_talk<'a>(other: &'a Become, nonce: &Nonce) -> Talk<'a> {
        let mut talk = Talk::new(other, nonce);
        assert_eq!(talk.hear(format!("{}\n", begun(nonce)).as_bytes(), b""), Turn::Wait);
        talk
    }

    fn asks(line: &str) -> Turn {
        Turn::Password { line: line.into(), terminal: false }
    }

    #[test]
    fn the_password_is_sent_once_and_only_when_asked_for() {
        let nonce = Nonce::random();
        let prompt = prompt(&nonce);
        let own = other(Method::Sudo, Some("secret"));
        let mut talk = Talk::new(&own, &nonce);
        assert_eq!(talk.hear(b"motd: ", b"lecture\n"), Turn::Wait);
        assert_eq!(talk.hear(b"", &prompt.as_bytes()[..9]), Turn::Wait);
        assert_eq!(talk.hear(b"", &prompt.as_bytes()[9..]), asks("secret\n"));
        assert_eq!(talk.hear(b"", b"\n"), Turn::Wait);
        let ready = format!("{}-ready\n\nx", nonce.as_str());
        assert_eq!(talk.hear(ready.as_bytes(), b""), Turn::Ready { rest: b"\nx".to_vec() });

        let mut talk = Talk::new(&own, &nonce);
        assert!(matches!(talk.hear(b"", prompt.as_bytes()), Turn::Password { .. }));
        let again = format!("\nSorry, try again.\n{prompt}");
        assert_eq!(talk.hear(b"", again.as_bytes()), Turn::Failed(BecomeProblem::PasswordRefused));
        let nobody = other(Method::Sudo, None);
        let mut talk = Talk::new(&nobody, &nonce);
        assert_eq!(talk.hear(b"", prompt.as_bytes()), Turn::Failed(BecomeProblem::PasswordMissing));
        let mut talk = begun_talk(&nobody, &nonce);
        assert_eq!(talk.end("status 1"), Ok(BecomeProblem::Failed("status 1".into())));
        talk = Talk::new(&nobody, &nonce);
        talk.hear(b"This account is not available.\n", b"");
        let said = "status 1: This account is not available.";
        assert_eq!(talk.end("status 1"), Err(said.to_owned()));
    }

    #[test]
    fn without_the_program_only_another_user_is_missed() {
        let nonce = Nonce::random();
        let run = |user: &str| {
            let exe = vec!["/nowhere/sudo".to_owned(), "-E".to_owned()];
            let other = Become { exe, ..Become::new(Method::Sudo, user) };
            let line = command(&other, &nonce);
            let said = std::process::Command::new("/bin/sh").args(["-c", &line]).output().unwrap();
            String::from_utf8(said.stdout).unwrap()
        };
        let own = std::process::Command::new("id").arg("-un").output().unwrap();
        let own = String::from_utf8(own.stdout).unwrap();
        let begun = begun(&nonce);
        assert!(run(own.trim()).starts_with(&format!("{begun}\n{}", ready(&nonce))));
        assert_eq!(run("somebody"), format!("{begun}\n"));
    }

    #[test]
    fn a_login_shell_in_between_finds_nothing_to_expand() {
        let nonce = Nonce::random();
        let other = Become { flags: vec!["-i".into()], ..Become::new(Method::Sudo, "app") };
        let line = command(&other, &nonce);
        let words = shlex::split(&line).unwrap();
        let (_, own) = words[3].split_once(" -- ").unwrap();
        assert!(!own.contains('$'), "{own}");
        // As sudo does it: all but letters, digits and a few signs is escaped for the shell.
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-$".contains(c);
        let escape = |c: char| if plain(c) { c.to_string() } else { format!("\\{c}") };
        let escaped = |word: &String| word.chars().map(escape).collect::<String>();
        let escaped: Vec<String> = shlex::split(own).unwrap().iter().map(escaped).collect();
        let mut child = std::process::Command::new("/bin/sh")
            .args(["-c", &escaped.join(" ")])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, b"x=7\necho \"x is $x\"\n").unwrap();
        drop(stdin);
        let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        assert_eq!(said, format!("{}\nx is 7\n", ready(&nonce)));
    }

    #[test]
    fn su_has_its_own_prompt() {
        let nonce = Nonce::random();
        let own = other(Method::Su, Some("x"));
        let mut talk = begun_talk(&own, &nonce);
        assert_eq!(talk.hear(b"", b"Mot de passe :\xc2\xa0"), asks("x\n"));
        assert_eq!(talk.hear(b"", b"\nsu: Authentication failure\n"), Turn::Wait);
        assert_eq!(talk.end("status 1"), Ok(BecomeProblem::PasswordRefused));
    }

    #[test]
    fn a_terminal_is_missed_in_sudos_words() {
        let nonce = Nonce::random();
        let own = other(Method::Sudo, Some("x"));
        let mut talk = begun_talk(&own, &nonce);
        talk.hear(b"", b"sudo: sorry, you must have a tty to run sudo\n");
        assert_eq!(talk.end("status 1"), Ok(BecomeProblem::TerminalMissing));
    }

    #[test]
    fn doas_asks_on_the_terminal() {
        let nonce = Nonce::random();
        let own = other(Method::Doas, Some("x"));
        assert!(needs_terminal(&own) && !command(&own, &nonce).contains(" -n "));
        let mut talk = Talk::new(&own, &nonce);
        let asked = talk.hear_terminal(b"doas (deploy@h2) password: ");
        assert_eq!(asked, Turn::Password { line: "x\n".into(), terminal: true });
        assert_eq!(talk.hear_terminal(b"\r\n"), Turn::Wait);
        let ready = format!("{}-ready\n", nonce.as_str());
        assert_eq!(talk.hear(ready.as_bytes(), b""), Turn::Ready { rest: vec![] });

        let nobody = other(Method::Doas, None);
        assert!(!needs_terminal(&nobody) && command(&nobody, &nonce).contains("exec doas -n "));
        let mut talk = begun_talk(&nobody, &nonce);
        talk.hear(b"", b"doas: Authentication required\n");
        assert_eq!(talk.end("status 1"), Ok(BecomeProblem::PasswordMissing));
    }
}
