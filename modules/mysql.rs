//! MySQL and MariaDB by way of their client on the host: what all modules for them have in common.
//!
//! The login travels on standard input and reaches the client through a descriptor, as an option file;
//! so do statements, in which data are quoted. No process list has any of it.

use crate::kit::{Facts, Refusal, Reply, Result, Script, sh};

/// Declares a module's struct with the parameters of the connection, and its `login()`.
macro_rules! with_login {
    ($(#[$outer:meta])* pub(crate) struct $name:ident { $($body:tt)* }) => {
        $(#[$outer])*
        pub(crate) struct $name {
            $($body)*
            /// Whom to log in as. Default: as `config_file` says, else the account of the host.
            login_user: Option<String>,
            /// The password. Default: as `config_file` says.
            login_password: Option<String>,
            /// The server. Default: `localhost`, by its socket.
            login_host: Option<String>,
            /// The port. Default: 3306.
            login_port: Option<u16>,
            /// The socket. Default: the client's own.
            login_unix_socket: Option<String>,
            /// An option file of the host whose section `client` is read, if it is there.
            /// Default: `~/.my.cnf`.
            #[serde(default = "crate::mysql::config_file")]
            config_file: String,
            /// A file of the host with the authorities that the server's certificate must be from.
            #[serde(alias = "ssl_ca")]
            ca_cert: Option<String>,
            /// A file of the host with the client's certificate.
            #[serde(alias = "ssl_cert")]
            client_cert: Option<String>,
            /// A file of the host with the key of that certificate.
            #[serde(alias = "ssl_key")]
            client_key: Option<String>,
            /// Whether the server's certificate must be for its name. Default: as the client does.
            check_hostname: Option<bool>,
            /// Seconds to wait for the server. Default: 30.
            connect_timeout: Option<u32>,
            /// First try to log in as `root` without a password. Default: false.
            #[serde(default)]
            check_implicit_admin: bool,
            /// Whether the server's binary log gets the changes. Default: true.
            #[serde(default = "crate::command::yes")]
            sql_log_bin: bool,
        }

        impl $name {
            fn login(&self, facts: &crate::kit::Facts) -> crate::mysql::Login {
                crate::mysql::Login::new(facts, &self.config_file, self.check_implicit_admin)
                    .option("user", self.login_user.as_deref())
                    .option("password", self.login_password.as_deref())
                    .option("host", self.login_host.as_deref())
                    .option("port", self.login_port.map(|port| port.to_string()).as_deref())
                    .option("socket", self.login_unix_socket.as_deref())
                    .option("ssl-ca", self.ca_cert.as_deref())
                    .option("ssl-cert", self.client_cert.as_deref())
                    .option("ssl-key", self.client_key.as_deref())
                    .option(
                        "loose-ssl-verify-server-cert",
                        self.check_hostname.map(|on| if on { "1" } else { "0" }),
                    )
                    .option(
                        "loose-connect-timeout",
                        Some(self.connect_timeout.unwrap_or(30).to_string().as_str()),
                    )
                    .log_bin(self.sql_log_bin)
            }
        }
    };
}
pub(crate) use with_login;

pub(crate) fn config_file() -> String {
    "~/.my.cnf".into()
}

/// Where to log in, and as whom.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    config_file: String,
    implicit_admin: bool,
    log_bin: bool,
    /// Lines of an option file.
    options: String,
    broken: Option<&'static str>,
}

impl Login {
    pub(crate) fn new(facts: &Facts, config_file: &str, implicit_admin: bool) -> Login {
        Login {
            config_file: facts.path(config_file),
            implicit_admin,
            log_bin: true,
            options: String::new(),
            broken: None,
        }
    }

    #[must_use]
    pub(crate) fn option(mut self, name: &'static str, value: Option<&str>) -> Login {
        if let Some(value) = value {
            if value.contains('\n') {
                self.broken = Some(name);
            }
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            self.options += &format!("{name}=\"{value}\"\n");
        }
        self
    }

    #[must_use]
    pub(crate) fn log_bin(mut self, on: bool) -> Login {
        self.log_bin = on;
        self
    }

    /// # Errors
    /// If something of it cannot be told to the client.
    pub(crate) fn check(&self) -> Result<()> {
        match self.broken {
            Some(name) => Err(Refusal::new(format!("expected one line for the login's `{name}`"))),
            None => Ok(()),
        }
    }

    /// What a script of [`with_client!`] reads first: options to try first, then those given.
    pub(crate) fn input(&self) -> String {
        let admin = match self.implicit_admin {
            true => format!("{}user=\"root\"\npassword=\"\"\n", self.options),
            false => String::new(),
        };
        format!("{admin}\n{}\n", self.options)
    }

    /// The client, told these statements. It prints rows without names, fields between tabs.
    pub(crate) fn script(&self, statements: &str) -> Script {
        let log = if self.log_bin { "" } else { "SET sql_log_bin=0;\n" };
        // Data are quoted as if no mode were on.
        let input = format!("{}SET sql_mode='';\n{log}{statements}", self.input());
        sh(QUERY, [&self.config_file]).stdin(input.into_bytes())
    }

    pub(crate) fn config_file(&self) -> &str {
        &self.config_file
    }
}

/// A text as a statement has it.
pub(crate) fn text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''").replace('\0', "\\0"))
}

/// A name as a statement has it.
pub(crate) fn name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Rows of an answer, fields unescaped.
///
/// # Errors
/// The client's own, made readable.
pub(crate) fn rows(reply: &Reply) -> Result<Vec<Vec<String>>> {
    let why = reply.err();
    let why = why.trim();
    match reply.status {
        0 => {}
        127 => {
            return Err(
                "there is neither mariadb nor mysql on the host; install mariadb-client first"
                    .into(),
            );
        }
        _ if why.contains("ERROR 1045")
            || why.contains("ERROR 2002")
            || why.contains("ERROR 1698") =>
        {
            return Err(Refusal::new(format!(
                "unable to connect to database, check login_user and login_password are correct or the config file has the credentials: {why}"
            )));
        }
        _ => return Err(Refusal::new(why)),
    }
    Ok(reply.out().lines().map(|line| line.split('\t').map(unescaped).collect()).collect())
}

fn unescaped(field: &str) -> String {
    let mut out = String::new();
    let mut chars = field.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('0') => '\0',
                Some(c) => c,
                None => '\\',
            },
            c => c,
        });
    }
    out
}

/// A script whose standard input begins with [`Login::input`] and whose first parameter is an option
/// file: `talk "$client" WORD…` is the client, logged in.
macro_rules! with_client {
    ($head:literal, $body:literal) => {
        concat!(
            $head,
            r#"
nl='
'
config=
[ ! -r "$1" ] || config=$(cat -- "$1") || exit
options() {
  options=
  while IFS= read -r line && [ -n "$line" ]; do options=$options$line$nl; done
}
talk() {
  program=$1
  shift
  "$program" --defaults-file=/dev/fd/3 "$@" 3<<EOF
$config
[client]
$options
EOF
}
client=$(command -v mariadb || command -v mysql) || exit 127
export LC_ALL=C
options
admin=$options
options
if [ -n "$admin" ]; then
  given=$options options=$admin
  talk "$client" -e "SELECT 1" </dev/null >/dev/null 2>&1 || options=$given
fi
"#,
            $body
        )
    };
}
pub(crate) use with_client;

const QUERY: &str = with_client!(
    "# talk to MySQL: CONFIG",
    r#"talk "$client" --batch --skip-column-names --default-character-set=utf8mb4
"#
);

#[cfg(test)]
mod tests {
    use super::{Login, name, rows, text};
    use crate::kit::{Facts, Reply};

    #[test]
    fn data_are_quoted() {
        assert_eq!(text("a'b\\c"), r"'a''b\\c'");
        assert_eq!(name("a`b"), "`a``b`");
        let login = Login::new(&Facts::default(), "/c", false);
        let login = login.option("password", Some("a\"b\\c#d")).option("user", None);
        assert_eq!(login.input(), "\npassword=\"a\\\"b\\\\c#d\"\n\n");
        assert!(login.check().is_ok());
        assert!(login.option("user", Some("a\nb")).check().is_err());
    }

    #[test]
    fn answers_are_read() {
        let reply = Reply { stdout: b"a\\tb\tc\\\\d\ne\\n\t\n".to_vec(), ..Reply::default() };
        let expected =
            vec![vec!["a\tb".to_owned(), "c\\d".into()], vec!["e\n".into(), String::new()]];
        assert_eq!(rows(&reply).ok(), Some(expected));
    }
}
