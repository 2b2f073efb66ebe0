//! PostgreSQL by way of `psql` on the host: what all modules for it have in common.
//!
//! Statements and data travel on psql's standard input, data as psql's variables (`:'name'` is a
//! text, `:"name"` an identifier), so that psql quotes them. The login's password is the first line,
//! and is seen in no process list.

use serde_json::Value;

use crate::kit::{Refusal, Reply, Result, Script, sh};

/// Declares a module's struct with the parameters of the connection, and its `login()`.
macro_rules! with_login {
    ($(#[$outer:meta])* pub(crate) struct $name:ident { $($body:tt)* }) => {
        $(#[$outer])*
        pub(crate) struct $name {
            $($body)*
            /// The role to log in as. Default: `postgres`; by default the server wants the account
            /// of that name (`become_user: postgres`).
            #[serde(default = "crate::postgres::postgres", alias = "login")]
            login_user: String,
            /// Its password. Travels on standard input only. Default: none.
            login_password: Option<String>,
            /// The server. Default: the socket of this host.
            #[serde(alias = "host")]
            login_host: Option<String>,
            /// The directory of the socket, for this host; `login_host: localhost` gives way to it. Default: psql's
            /// own.
            #[serde(alias = "unix_socket")]
            login_unix_socket: Option<String>,
            /// The port. Default: 5432.
            #[serde(default = "crate::postgres::port", alias = "port")]
            login_port: u16,
            /// `disable`, `allow`, `prefer` (default), `require`, `verify-ca` or `verify-full`.
            ssl_mode: Option<String>,
            /// A file of the host with the authorities that the server's certificate must be from.
            #[serde(alias = "ssl_rootcert")]
            ca_cert: Option<String>,
            /// A file of the host with the client's certificate.
            ssl_cert: Option<String>,
            /// A file of the host with the key of that certificate.
            ssl_key: Option<String>,
            /// More parameters of the connection: not supported, and refused.
            #[schemars(with = "Option<serde_json::Value>")]
            #[expect(dead_code, reason = "never bound: reading it is an error")]
            connect_params: Option<crate::attributes::Unsupported>,
            /// The role to act as after login. Default: that of the login.
            session_role: Option<String>,
            /// For Ansible's sake: data are always quoted, so that none can do harm. Default: true.
            #[serde(default = "crate::command::yes")]
            #[expect(dead_code, reason = "accepted, without effect")]
            trust_input: bool,
        }

        impl $name {
            fn login<'a>(&'a self, database: &'a str) -> crate::postgres::Login<'a> {
                crate::postgres::Login {
                    host: crate::postgres::server(
                        self.login_host.as_deref(),
                        self.login_unix_socket.as_deref(),
                    ),
                    port: self.login_port,
                    user: &self.login_user,
                    password: self.login_password.as_deref(),
                    database,
                    tls: [&self.ssl_mode, &self.ca_cert, &self.ssl_cert, &self.ssl_key]
                        .map(|given| given.as_deref().unwrap_or_default()),
                    session_role: self.session_role.as_deref(),
                }
            }
        }
    };
}
pub(crate) use with_login;

/// Whom to ask: a socket wins over `localhost`, another host over a socket.
pub(crate) fn server<'a>(host: Option<&'a str>, socket: Option<&'a str>) -> Option<&'a str> {
    let host = host.filter(|host| !host.is_empty());
    let socket = socket.filter(|socket| !socket.is_empty());
    match host {
        None | Some("localhost") => socket.or(host),
        other => other,
    }
}

pub(crate) fn postgres() -> String {
    "postgres".into()
}

pub(crate) fn port() -> u16 {
    5432
}

/// Where to log in, and as whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login<'a> {
    pub(crate) host: Option<&'a str>,
    pub(crate) port: u16,
    pub(crate) user: &'a str,
    pub(crate) password: Option<&'a str>,
    pub(crate) database: &'a str,
    /// Mode, authorities, certificate, key; empty for psql's own.
    pub(crate) tls: [&'a str; 4],
    pub(crate) session_role: Option<&'a str>,
}

impl Login<'_> {
    /// A line for libpq's file of passwords, for any server; empty without a password.
    pub(crate) fn password_line(self) -> String {
        match self.password {
            Some(password) if !password.is_empty() => {
                format!("*:*:*:*:{}\n", password.replace('\\', "\\\\").replace(':', "\\:"))
            }
            _ => "\n".into(),
        }
    }
}

/// Statements, with the data in them as variables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sql {
    variables: Vec<(String, String, bool)>,
    text: String,
}

impl Sql {
    pub(crate) fn new(text: &str) -> Sql {
        Sql { variables: vec![], text: text.to_owned() }
    }

    /// Gives a variable its value.
    #[must_use]
    pub(crate) fn set(mut self, name: &str, value: &str) -> Sql {
        self.variables.push((name.to_owned(), value.to_owned(), false));
        self
    }

    /// The same for what nobody may see.
    #[must_use]
    pub(crate) fn set_secret(mut self, name: &str, value: &str) -> Sql {
        self.variables.push((name.to_owned(), value.to_owned(), true));
        self
    }

    /// Adds to the text, which never holds data.
    pub(crate) fn push(&mut self, text: &str) {
        self.text += text;
    }

    /// With more text before and behind it.
    #[must_use]
    pub(crate) fn around(&self, before: &str, behind: &str) -> Sql {
        let text = format!("{before}{}{behind}", self.text);
        Sql { variables: self.variables.clone(), text }
    }

    /// For people: data in their places, secrets hidden.
    pub(crate) fn shown(&self) -> String {
        let mut text = self.text.clone();
        for (name, value, secret) in &self.variables {
            let value = if *secret { "********" } else { value };
            text = text
                .replace(&format!(":'{name}'"), &format!("'{}'", value.replace('\'', "''")))
                .replace(&format!(":\"{name}\""), &format!("\"{}\"", value.replace('"', "\"\"")));
        }
        text.trim_end_matches([';', '\n']).to_owned()
    }

    /// What psql is to read.
    fn input(&self, login: Login<'_>) -> Vec<u8> {
        let mut input = login.password_line();
        let role = login.session_role.map(|role| ("session_role", role));
        let own = self.variables.iter().map(|(name, value, _)| (name.as_str(), value.as_str()));
        for (name, value) in role.into_iter().chain(own) {
            let mut quoted = String::new();
            for c in value.chars() {
                match c {
                    '\\' => quoted += "\\\\",
                    '\'' => quoted += "\\'",
                    '\n' => quoted += "\\n",
                    '\r' => quoted += "\\r",
                    c => quoted.push(c),
                }
            }
            input += &format!("\\set {name} '{quoted}'\n");
        }
        if role.is_some() {
            input += "SET ROLE :\"session_role\";\n";
        }
        input += &self.text;
        input.into_bytes()
    }

    /// psql, told these statements. It prints rows only, and stops at an error.
    pub(crate) fn script(&self, login: Login<'_>) -> Script {
        self.with(login, "-qAt")
    }

    /// The same, with psql's options for what it prints.
    pub(crate) fn with(&self, login: Login<'_>, options: &str) -> Script {
        let mut args = vec![
            options.to_owned(),
            login.host.unwrap_or_default().to_owned(),
            login.port.to_string(),
            login.user.to_owned(),
            login.database.to_owned(),
        ];
        args.extend(login.tls.map(str::to_owned));
        sh(PSQL, args).stdin(self.input(login))
    }
}

/// What is wrong with a login's password, if psql cannot be told of it.
///
/// # Errors
/// If it has a newline in it.
pub(crate) fn check(login: Login<'_>) -> Result<()> {
    match login.password.is_some_and(|password| password.contains('\n')) {
        true => Err("`login_password` must be one line".into()),
        false => Ok(()),
    }
}

/// What psql printed, as JSON; nothing if it printed nothing.
///
/// # Errors
/// psql's own, made readable.
pub(crate) fn answer(reply: &Reply) -> Result<Value> {
    succeeded(reply)?;
    match reply.out().trim() {
        "" => Ok(Value::Null),
        text => serde_json::from_str(text)
            .map_err(|error| Refusal::new(format!("psql answered something else: {error}"))),
    }
}

/// # Errors
/// psql's own, made readable.
pub(crate) fn succeeded(reply: &Reply) -> Result<()> {
    let err = reply.err();
    let line = |line: &str| match line.split_once("ERROR:") {
        Some((_, why)) => why.trim().to_owned(),
        None => line.trim().to_owned(),
    };
    let why: Vec<String> = err.lines().map(line).filter(|line| !line.is_empty()).collect();
    let why = why.join("; ");
    match reply.status {
        0 => Ok(()),
        127 => Err("there is no psql on the host; install postgresql-client first".into()),
        2 => {
            let help = match why.contains("eer authentication failed") {
                true => "; add `become_user: postgres`, or give `login_host` and `login_password`",
                false => "",
            };
            Err(Refusal::new(format!("unable to connect to database: {why}{help}")))
        }
        _ => Err(Refusal::new(format!("Database query failed: {why}"))),
    }
}

/// A script whose first line of standard input is [`Login::password_line`]. libpq gets the password by a
/// private file: what is in a process's environment can be seen by other programs of the same user.
macro_rules! with_password {
    ($head:literal, $body:literal) => {
        concat!(
            $head,
            r#"
private=
forget() { [ -z "$private" ] || rm -rf -- "$private"; }
trap forget EXIT
trap 'exit 129' HUP INT TERM
IFS= read -r line || exit
if [ -n "$line" ]; then
  private=$(umask 077 && mktemp -d "${TMPDIR:-/tmp}/rprov.XXXXXXXXXX") || exit
  (umask 077 && printf '%s\n' "$line" >"$private/pgpass") || exit
  export PGPASSFILE="$private/pgpass"
fi
"#,
            $body
        )
    };
}
pub(crate) use with_password;

const PSQL: &str = with_password!(
    "# talk to PostgreSQL: OPTIONS HOST PORT USER DATABASE SSLMODE ROOTCERT CERT KEY
command -v psql >/dev/null || exit 127",
    r#"
[ -z "$2" ] || export PGHOST="$2"
export PGPORT="$3" PGUSER="$4" PGDATABASE="$5" LC_ALL=C PGCLIENTENCODING=UTF8
[ -z "$6" ] || export PGSSLMODE="$6"
[ -z "$7" ] || export PGSSLROOTCERT="$7"
[ -z "$8" ] || export PGSSLCERT="$8"
[ -z "$9" ] || export PGSSLKEY="$9"
export PGOPTIONS="-c client_min_messages=warning"
cd /
psql -X "$1" -v ON_ERROR_STOP=1
"#
);

#[cfg(test)]
mod tests {
    use super::{Login, Sql};

    #[test]
    fn data_are_quoted_for_psql_and_for_people() {
        let sql = Sql::new("ALTER ROLE :\"role\" PASSWORD :'password';\n")
            .set("role", "a\"b\\c'd\ne")
            .set_secret("password", "geheim");
        let login = Login {
            host: None,
            port: 5432,
            user: "postgres",
            password: None,
            database: "postgres",
            tls: [""; 4],
            session_role: Some("boss"),
        };
        let input = String::from_utf8(sql.input(login)).expect("text");
        assert_eq!(
            input,
            "\n\\set session_role 'boss'\n\\set role 'a\"b\\\\c\\'d\\ne'\n\\set password 'geheim'\n\
             SET ROLE :\"session_role\";\nALTER ROLE :\"role\" PASSWORD :'password';\n"
        );
        assert_eq!(sql.shown(), "ALTER ROLE \"a\"\"b\\c'd\ne\" PASSWORD '********'");
    }
}
