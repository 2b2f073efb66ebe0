//! A shell with a controlling terminal, whose streams are pipes all the same.
//!
//! `sudo` with `requiretty` and `doas` with a password want a terminal. Frames do not travel over
//! one: it has one stream for output and errors, and it echoes. So the command gets a terminal from
//! one channel, and its three streams from another, through named pipes in a private directory. The
//! command opens them, then removes the directory; if that never happens the other side does.

use rprov_modules::kit::quote;

use super::frame::Nonce;

/// Where the pipes are. `TMPDIR` is the same for both sides: it is the login's.
const PLACE: &str = "d=${TMPDIR:-/tmp}/rprov-$1\n";

/// The side without a terminal: carries bytes between its streams and the pipes until the command
/// has closed them. `$1` is a name nobody can guess.
const CARRY: &str = r#"umask 077
mkdir "$d" && cd "$d" && mkfifo i o e || exit
(sleep 30; [ ! -d "$d" ] || { exec 7<>i 8<>o 9<>e; rm -rf "$d"; }) </dev/null >/dev/null 2>&1 &
exec 6<&0
echo "$1-pipes"
cat <&6 >i & w=$!
cat <e >&2 & r=$!
cat <o
wait $r
kill $w 2>/dev/null"#;

/// The side with the terminal. `$2` is the command line; what it says by other ways than its streams
/// is said on the terminal, which this shell keeps open: sshd gives up one that nobody has open.
const RUN: &str = r#"exec 3<"$d/i" 4>"$d/o" 5>"$d/e" || exit
rm -rf "$d"
(eval "$2") <&3 >&4 2>&5 3<&- 4>&- 5>&-"#;

/// The command line that carries, for the login shell.
pub(super) fn carry(name: &Nonce) -> String {
    line(CARRY, &[name.as_str()])
}

/// What it says once the pipes are there.
pub(super) fn ready(name: &Nonce) -> String {
    format!("{}-pipes\n", name.as_str())
}

/// The command line that is to be given a terminal.
pub(super) fn run(name: &Nonce, command: &str) -> String {
    line(RUN, &[name.as_str(), command])
}

fn line(script: &str, arguments: &[&str]) -> String {
    let words: String = arguments.iter().map(|word| format!(" {}", quote(word))).collect();
    format!("exec /bin/sh -c {} sh{words}", quote(&format!("{PLACE}{script}")))
}
