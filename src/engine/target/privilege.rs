//! The user a task acts as, if it is another than the login user.

use rprov_modules::kit::boolean;

use super::variables::{
    BECOME, BECOME_EXE, BECOME_FLAGS, BECOME_METHOD, BECOME_PASSWORD, BECOME_USER, SUDO_DIRECTORY,
    Variable,
};
use super::{Seen, Who};
use crate::engine::outcome::Failure;
use crate::session::{Become, Method};
use crate::source::Diagnostic;

const METHODS: [(&str, Method); 4] = [
    ("sudo", Method::Sudo),
    ("su", Method::Su),
    ("doas", Method::Doas),
    ("runuser", Method::Runuser),
];

/// Whom to become, if anybody.
pub(in crate::engine) fn become_(seen: Seen<'_>) -> Result<Who, Failure> {
    let options = &seen.play.engine.options;
    let wanted = match (seen.variable(&BECOME)?, seen.keyword("become")?) {
        (Some(text), _) | (None, Some(text)) => match boolean(&text) {
            Some(wanted) => wanted,
            None => {
                let chain = &seen.task.chain;
                let span = chain.nearest("become").map_or(seen.task.span, |node| node.span);
                return Err(Failure::from(
                    Diagnostic::error(format!("expected a boolean, found `{text}`"))
                        .at(span, "")
                        .help("write `become: true`"),
                ));
            }
        },
        (None, None) => options.become_,
    };
    if !wanted {
        return Ok(None);
    }
    let method = seen.variable(&BECOME_METHOD)?;
    let method = method.or(seen.keyword("become_method")?).or(options.become_method.clone());
    let written = method.unwrap_or_else(|| "sudo".to_owned());
    let name = written.rsplit('.').next().unwrap_or_default();
    let Some((name, method)) = METHODS.into_iter().find(|(known, _)| *known == name) else {
        let known = METHODS.map(|(name, _)| name).join(", ");
        return Err(Failure::new(format!(
            "become method `{written}` is not supported: expected one of {known}"
        )));
    };
    // `ansible_sudo_user` is for sudo alone.
    let others: Vec<String> = METHODS
        .iter()
        .filter(|(other, _)| *other != name)
        .map(|(other, _)| format!("ansible_{other}_"))
        .collect();
    let own = |variable: &Variable| -> Result<Option<String>, Failure> {
        let foreign = |name: &&&str| !others.iter().any(|other| name.starts_with(&**other));
        let names: Vec<&str> = variable.names.iter().filter(foreign).copied().collect();
        Ok(seen.last(&names)?.filter(|text| !text.is_empty()))
    };
    let settings = options.become_settings.get(name).cloned().unwrap_or_default();
    let user = own(&BECOME_USER)?
        .or(seen.keyword("become_user")?)
        .or(settings.user)
        .filter(|user| !user.is_empty())
        .unwrap_or_else(|| "root".to_owned());
    let password = own(&BECOME_PASSWORD)?;
    let password = password.or(options.become_password.clone()).or(settings.password);
    if let Some(password) = &password {
        seen.play.engine.redactor.learn(password);
    }
    let words = |text: Option<String>| -> Result<Vec<String>, Failure> {
        let text = text.unwrap_or_default();
        shlex::split(&text)
            .ok_or_else(|| Failure::new(format!("a quote is not closed in `{text}`")))
    };
    let flags = own(&BECOME_FLAGS)?.or(seen.keyword("become_flags")?);
    let flags = words(flags.or(settings.flags))?;
    let exe = own(&BECOME_EXE)?.or(seen.keyword("become_exe")?).or(settings.exe);
    Ok(Some(Become {
        exe: words(exe)?,
        flags: flags.iter().filter_map(|flag| without_ours(flag)).collect(),
        password,
        directory: seen
            .variable(&SUDO_DIRECTORY)?
            .or(settings.directory)
            .filter(|_| method == Method::Sudo),
        ..Become::new(method, user)
    }))
}

/// A flag without what the session itself decides: whether and where a password is asked for.
fn without_ours(flag: &str) -> Option<String> {
    if matches!(flag, "--non-interactive" | "--stdin") {
        return None;
    }
    // A cluster such as `-HSn`, of flags that take no value.
    let cluster = flag.strip_prefix('-').filter(|letters| {
        letters.contains(['S', 'n']) && letters.chars().all(|c| "AbEeHiKknPSs".contains(c))
    });
    match cluster {
        Some(letters) => {
            let rest = letters.replace(['S', 'n'], "");
            (!rest.is_empty()).then(|| format!("-{rest}"))
        }
        None => Some(flag.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_asks_for_passwords_as_it_likes() {
        let kept =
            |text: &str| text.split(' ').filter_map(without_ours).collect::<Vec<_>>().join(" ");
        assert_eq!(kept("-H -S -n"), "-H");
        assert_eq!(kept("-HSn -E"), "-H -E");
        assert_eq!(kept("--non-interactive -Sn --preserve-env=A,S"), "--preserve-env=A,S");
        assert_eq!(kept("-i -p someone"), "-i -p someone");
    }
}
