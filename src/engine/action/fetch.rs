//! `fetch`: a file of the host, brought to this machine.
//!
//! Its digest is asked first: what is here already does not travel. It travels in pieces, so that a
//! large file is never in memory, into a file beside its place that is renamed when it is whole.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Component, Path, PathBuf},
};

use rprov_modules::kit::{Algorithm, Answer, Ask, Cost, Diff, FileKind, Refusal, boolean, sh};
use sha1::{Digest as _, Sha1};

use super::text;
use crate::engine::link::Link;
use crate::engine::outcome::{Done, Failure};
use crate::engine::perform::{self, Trouble};
use crate::engine::target::{self, Seen, Who};
use crate::engine::task::At;
use crate::engine::{delegate, supply};
use crate::session::{Env, Question};
use crate::source::Diagnostic;
use crate::template::Context;
use crate::vars::files::reason;

/// In bytes.
const PIECE: u64 = 4 * 1024 * 1024;

/// From `$2` pieces of `$3` bytes on.
const READ: &str = r#"exec dd if="$1" bs="$3" skip="$2" count=1 iflag=fullblock 2>/dev/null"#;

/// What the task wants.
struct Wish {
    src: String,
    dest: String,
    flat: bool,
    fail_on_missing: bool,
    validate_checksum: bool,
}

impl Wish {
    fn new(at: &At<'_>, context: &Context) -> Result<Wish, Failure> {
        let required = |name: &str| -> Result<String, Failure> {
            text(at, context, name)?.filter(|text| !text.is_empty()).ok_or_else(|| {
                Diagnostic::error(format!("expected `{name}`")).at(at.task.span, "").into()
            })
        };
        let flag = |name: &str, default: bool| -> Result<bool, Failure> {
            let Some(text) = text(at, context, name)? else { return Ok(default) };
            let span = at.task.args.get(name).map_or(at.task.span, |node| node.span);
            boolean(&text).ok_or_else(|| {
                let error = format!("expected a boolean for `{name}`, found `{text}`");
                Diagnostic::error(error).at(span, "").into()
            })
        };
        Ok(Wish {
            src: required("src")?,
            dest: required("dest")?,
            flat: flag("flat", false)?,
            fail_on_missing: flag("fail_on_missing", true)?,
            validate_checksum: flag("validate_checksum", true)?,
        })
    }

    /// Where the file belongs on this machine.
    fn place(&self, at: &At<'_>, src: &str) -> Result<PathBuf, Failure> {
        let dest = match self.dest.strip_prefix("~/") {
            Some(rest) => std::env::home_dir().unwrap_or_default().join(rest),
            None => at.play.play.dir.join(&self.dest),
        };
        let dest = std::path::absolute(&dest).unwrap_or(dest);
        let path = match self.flat {
            false => dest.join(&*at.host.name).join(src.trim_start_matches('/')),
            true if self.dest.ends_with('/') => dest.join(src.rsplit('/').next().unwrap_or(src)),
            true if dest.is_dir() => {
                return Err(Failure::new(
                    "dest is an existing directory, use a trailing slash if you want to fetch src into that directory",
                ));
            }
            true => dest.clone(),
        };
        let (path, dest) = (plain(&path), plain(&dest));
        if !path.starts_with(&dest) {
            let why = format!("expected a path below {}, found {}", dest.display(), path.display());
            return Err(Failure::new(why));
        }
        match path.is_dir() {
            true => Err(Failure::new(format!("{} is a directory here", path.display()))),
            false => Ok(path),
        }
    }
}

/// Without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, part| {
        match part {
            Component::CurDir => {}
            Component::ParentDir if path.parent().is_some() => drop(path.pop()),
            part => path.push(part),
        }
        path
    })
}

pub(super) async fn fetch(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    let wish = Wish::new(at, context)?;
    if perform::check(at, context)? {
        let why = "check mode not (yet) supported for this module";
        let values = [("msg".to_owned(), why.into())].into_iter().collect();
        return Ok(Done { skipped: true, values, ..Done::default() });
    }
    let delegate = delegate::delegate(at, context)?;
    let acting = delegate.as_ref().map_or(at.host, |delegate| &delegate.host);
    let vars = delegate.as_ref().map_or(context, |delegate| &delegate.view);
    let seen = Seen { play: at.play, task: at.task, vars, own: context };
    let become_ = target::become_(seen)?;
    let environment = supply::environment(at.play, at.task, context)?;
    let mut link = acting.link.lock().await;
    let opened = perform::open(seen, acting, become_.as_ref(), &mut link).await;
    let (who, facts) = match opened {
        Ok(opened) => opened,
        Err(trouble) => return Ok(perform::told(trouble)),
    };
    let src = facts.path(&wish.src);
    let place = wish.place(at, &src)?;
    let remote = Remote { src: &src, who: &who, environment };
    let bringing = remote.bring(&mut link, &wish, &place);
    let result = perform::patiently(at, bringing).await;
    Ok(result.unwrap_or_else(perform::told))
}

/// The file on its host.
struct Remote<'a> {
    src: &'a str,
    who: &'a Who,
    environment: Env,
}

impl Remote<'_> {
    async fn ask(&self, link: &mut Link, asks: Vec<Ask>) -> Result<Vec<Answer>, Trouble> {
        let environment = &self.environment;
        let question = |ask| Question { ask, environment: environment.clone() };
        let questions: Vec<Question> = asks.into_iter().map(question).collect();
        let landed = link.flight(self.who, &[], &questions).await?;
        // A piece is large, and nobody asks for it again.
        link.forget_answers();
        let given = |answer: Result<Answer, rprov_modules::kit::Reply>| {
            answer.map_err(|reply| {
                let why = format!("the host could not be asked: {}", reply.err().trim());
                Trouble::Refused(Refusal::new(why))
            })
        };
        landed.answers.into_iter().map(given).collect()
    }

    async fn bring(&self, link: &mut Link, wish: &Wish, place: &Path) -> Result<Done, Trouble> {
        let src = self.src;
        let readable = sh(r#"[ -r "$1" ]"#, [src]);
        let asks = vec![
            Ask::Stat { path: src.to_owned(), follow: true },
            Ask::Digest { path: src.to_owned(), algorithm: Algorithm::Sha1 },
            Ask::Sh { script: readable, cost: Cost::Cheap },
        ];
        let answers = self.ask(link, asks).await?;
        let [Answer::Stat(stat), Answer::Digest(digest), Answer::Sh(readable)] = &answers[..]
        else {
            return Err(Trouble::Refused(Refusal::new("the host sent no fitting answer")));
        };
        let refused = match stat {
            None => Some("the remote file does not exist".to_owned()),
            Some(stat) if stat.kind == FileKind::Directory => {
                Some("remote file is a directory, fetch cannot work on directories".to_owned())
            }
            Some(_) if !readable.ok() => Some(format!("File is not readable: {src}")),
            Some(_) => None,
        };
        let mut done = Done::default();
        if let Some(why) = refused {
            done.values.insert("file".into(), src.into());
            match wish.fail_on_missing {
                true => done.failure = Some(Failure::new(why)),
                false => {
                    let why = format!("{why}, not transferring, ignored");
                    done.values.insert("msg".into(), why.into());
                }
            }
            return Ok(done);
        }
        let local = sums(place).map_err(|error| unusable(place, &error))?;
        let mut set = |key: &str, value: serde_json::Value| done.values.insert(key.into(), value);
        set("dest", place.to_string_lossy().into());
        if let Some((sha1, md5)) = &local
            && digest.as_ref() == Some(sha1)
        {
            set("file", src.into());
            set("checksum", sha1.as_str().into());
            set("md5sum", md5.as_str().into());
            return Ok(done);
        }
        let whole = self.pieces(link, place).await?;
        let found = sums(&whole.0).map_err(|error| unusable(&whole.0, &error))?;
        let (sha1, md5) = found.unwrap_or_default();
        set("md5sum", md5.into());
        set("checksum", sha1.as_str().into());
        set("remote_checksum", digest.clone().into());
        set("remote_md5sum", serde_json::Value::Null);
        // What is no regular file has no digest.
        if wish.validate_checksum && digest.as_ref().is_some_and(|digest| *digest != sha1) {
            set("file", src.into());
            done.failure = Some(Failure::new("checksum mismatch"));
            return Ok(done);
        }
        let before = match local {
            Some((local, _)) if local == sha1 => return Ok(done),
            Some(_) => "another",
            None => "absent",
        };
        fs::rename(&whole.0, place).map_err(|error| unusable(place, &error))?;
        done.diffs.push(Diff::field(&place.to_string_lossy(), "content", before, src));
        done.changed = true;
        Ok(done)
    }

    /// Brings the file to a place beside its own.
    async fn pieces(&self, link: &mut Link, place: &Path) -> Result<Beside, Trouble> {
        let directory = place.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(directory).map_err(|error| unusable(directory, &error))?;
        let beside = Beside(directory.join(format!(".rprov.{:016x}", rand::random::<u64>())));
        let wrong = |error: io::Error| unusable(&beside.0, &error);
        let mut file = File::create_new(&beside.0).map_err(wrong)?;
        for number in 0_u64.. {
            let words = [self.src, &number.to_string(), &PIECE.to_string()];
            let ask = Ask::Sh { script: sh(READ, words), cost: Cost::Costly };
            let piece = match self.ask(link, vec![ask]).await?.into_iter().next() {
                Some(Answer::Sh(reply)) if reply.ok() => reply.stdout,
                _ => {
                    return Err(Trouble::Refused(Refusal::new(format!(
                        "cannot read {}",
                        self.src
                    ))));
                }
            };
            file.write_all(&piece).map_err(wrong)?;
            if (piece.len() as u64) < PIECE {
                break;
            }
        }
        file.sync_all().map_err(wrong)?;
        Ok(beside)
    }
}

/// A file that is gone with its name, unless it was renamed.
struct Beside(PathBuf);

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// SHA-1 and MD5 of a file; `None` if there is none.
fn sums(path: &Path) -> io::Result<Option<(String, String)>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let (mut sha1, mut md5) = (Sha1::new(), md5::Md5::new());
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => {
                sha1.update(&buffer[..read]);
                md5.update(&buffer[..read]);
            }
        }
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Ok(Some((hex(&sha1.finalize()), hex(&md5.finalize()))))
}

fn unusable(path: &Path, error: &io::Error) -> Trouble {
    let why = format!("cannot use {} on this machine: {}", path.display(), reason(error));
    Trouble::Refused(Refusal::new(why))
}
