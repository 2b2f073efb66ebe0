//! `rprov secrets hook install` and `run`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::declared::{self, Fault};
use super::{DRIVER, git, line};
use crate::cli::basis::Basis;
use crate::cli::project::Project;
use crate::cli::secrets::args::{HookArgs, HookVerb};
use crate::cli::secrets::migrate::encrypt;
use crate::cli::{Exit, Result, held, say};
use crate::source::Diagnostic;
use crate::vars::files::{reason, unreadable};

/// By this line our hook is known.
const MARK: &str = "# Made by `rprov secrets hook install`; it may be made again.";
/// Where the hook goes that was there before.
const BEFORE: &str = "pre-commit.before-rprov";

pub(in crate::cli::secrets) fn run(verb: HookVerb, basis: &Basis) -> Result {
    match verb {
        HookVerb::Install(args) => install(&args),
        HookVerb::Run(args) => check(&args, basis),
    }
}

fn install(args: &HookArgs) -> Result {
    let top = PathBuf::from(line(&["rev-parse", "--show-toplevel"])?);
    let hooks = PathBuf::from(line(&["rev-parse", "--git-path", "hooks"])?);
    let program = program();
    let failed = |path: &Path, error: &std::io::Error| {
        vec![Diagnostic::error(format!("cannot write `{}`: {}", path.display(), reason(error)))]
    };
    fs::create_dir_all(&hooks).map_err(|error| failed(&hooks, &error))?;
    let hook = hooks.join("pre-commit");
    let before = hooks.join(BEFORE);
    if fs::read_to_string(&hook).is_ok_and(|text| !text.contains(MARK)) {
        if before.exists() {
            let error = format!("`{}` and `{}` are both there", hook.display(), before.display());
            return Err(vec![Diagnostic::error(error).help("make one hook of the two first")]);
        }
        fs::rename(&hook, &before).map_err(|error| failed(&hook, &error))?;
        say(&format!("the hook that was there is now `{}`, and runs first\n", before.display()));
    }
    let encrypt = if args.encrypt { " --encrypt" } else { "" };
    let script = format!(
        "#!/bin/sh\n{MARK}\nbefore=$(dirname \"$0\")/{BEFORE}\nif [ -x \"$before\" ]; then \"$before\" \"$@\" || exit; fi\nexec {program} secrets hook run{encrypt}\n"
    );
    fs::write(&hook, script)
        .and_then(|()| fs::set_permissions(&hook, Permissions::from_mode(0o755)))
        .map_err(|error| failed(&hook, &error))?;
    for (name, value) in [
        (format!("diff.{DRIVER}.textconv"), format!("{program} secrets textconv")),
        (format!("merge.{DRIVER}.name"), "rprov: secrets, value by value".to_owned()),
        (format!("merge.{DRIVER}.driver"), format!("{program} secrets merge-driver %O %A %B %P")),
    ] {
        git(&["config", &name, &value], b"")?;
    }
    attributes(&top)?;
    say(&format!(
        "installed: `{}`, and the diff and merge driver `{DRIVER}` of this repository\n",
        hook.display()
    ));
    Ok(Exit::Ok)
}

/// Declares the secrets of the environments in the repository's `.gitattributes`.
fn attributes(top: &Path) -> Result<()> {
    let path = top.join(".gitattributes");
    let old = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(vec![unreadable(&path, &error)]),
    };
    let Ok(project) = Project::find() else { return Ok(()) };
    let root = project.directory().canonicalize().unwrap_or_else(|_| project.directory());
    let top = top.canonicalize().unwrap_or_else(|_| top.to_owned());
    let below = root.strip_prefix(&top).unwrap_or(Path::new(""));
    let mut new = old.clone();
    if !new.is_empty() && !new.ends_with('\n') {
        new.push('\n');
    }
    for name in ["secrets", "secrets.yml", "secrets.yaml"] {
        let used = name == "secrets"
            || project.environments().iter().any(|env| {
                project.environment(env).is_ok_and(|env| {
                    env.secrets.is_some_and(|path| path.file_name().is_some_and(|n| n == name))
                })
            });
        let pattern = below.join("inventories/*").join(name);
        let line = format!("{} diff={DRIVER} merge={DRIVER}", pattern.display());
        if used && !old.lines().any(|known| known.trim() == line) {
            new.push_str(&format!("{line}\n"));
        }
    }
    match new == old {
        true => Ok(()),
        false => {
            held::put(&path, new.as_bytes())?;
            // It is no secret.
            fs::set_permissions(&path, Permissions::from_mode(0o644)).map_err(|error| {
                vec![Diagnostic::error(format!("cannot set a mode: {}", reason(&error)))]
            })
        }
    }
}

/// How git is to call rprov: by its name if that finds this one.
fn program() -> String {
    let Ok(own) = std::env::current_exe() else { return "rprov".to_owned() };
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&paths).map(|dir| dir.join("rprov")).find(|path| path.is_file());
    let same = |path: &PathBuf| path.canonicalize().ok() == own.canonicalize().ok();
    match found.as_ref().is_some_and(same) {
        true => "rprov".to_owned(),
        false => format!("'{}'", own.display().to_string().replace('\'', r"'\''")),
    }
}

/// Looks at what is to be committed.
fn check(args: &HookArgs, basis: &Basis) -> Result {
    let top = PathBuf::from(line(&["rev-parse", "--show-toplevel"])?);
    let top_text = top.to_string_lossy().into_owned();
    let words = ["diff", "--cached", "--name-only", "--no-renames", "--diff-filter=ACMT", "-z"];
    let out = git(&[&["-C", &top_text], &words[..]].concat(), b"")?;
    let names: Vec<String> = String::from_utf8_lossy(&out)
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    let mut errors = Vec::new();
    for name in declared::of(&top, &names)? {
        let staged = git(&["-C", &top_text, "cat-file", "blob", &format!(":{name}")], b"")?;
        let Some(fault) = declared::fault(&staged) else { continue };
        match (&fault, args.encrypt) {
            (Fault::Clear(_) | Fault::Open, true) => {
                let path = top.join(&name);
                if fs::read(&path).ok().as_deref() != Some(&staged) {
                    let error = format!("`{name}` is in clear, and only a part of it is staged");
                    errors.push(Diagnostic::error(error).help("stage all of it, or none"));
                    continue;
                }
                let is_yaml = matches!(fault, Fault::Clear(_));
                match encrypt(&path, is_yaml, &args.passwords, basis) {
                    Ok(()) => {
                        git(&["-C", &top_text, "add", "--", &name], b"")?;
                        say(&format!("rprov: `{name}` was in clear and is encrypted now\n"));
                    }
                    Err(more) => errors.extend(more),
                }
            }
            _ => errors.push(refusal(&name, &fault)),
        }
    }
    match errors.is_empty() {
        true => Ok(Exit::Ok),
        false => Err(errors),
    }
}

fn refusal(name: &str, fault: &Fault) -> Diagnostic {
    match fault {
        Fault::Clear(keys) => {
            let error = format!("`{name}` is declared secret, and has values in clear");
            Diagnostic::error(error)
                .note(keys.join(", "))
                .help(format!("run `rprov secrets migrate --file {name}`, then `git add {name}`"))
        }
        Fault::Open => {
            let error = format!("`{name}` is declared secret, and is not encrypted");
            Diagnostic::error(error)
                .help(format!("run `rprov secrets encrypt {name}`, then `git add {name}`"))
        }
        Fault::Conflict(keys) => {
            let error = format!("`{name}` has conflicts of two branches");
            Diagnostic::error(error)
                .note(keys.join(", "))
                .help(format!("run `rprov secrets edit --file {name}`, then `git add {name}`"))
        }
    }
}
