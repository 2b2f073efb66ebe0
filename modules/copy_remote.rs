//! `copy` with `remote_src`: both ends are on the host.
//!
//! A file small enough to be shown in a diff is fetched when it differs, and written as any other;
//! a larger one, or a directory, is copied by the host itself.

use std::sync::Arc;

use crate::attributes::{Attributes, describe, join, octal, split, tidy};
use crate::content::{Found, SHOWN, Writing, find, validation};
use crate::kit::{
    Algorithm, Content, Diff, FileKind, Mode, Output, Plan, Probe, Result, Stat, Step, Text,
    ask_costly, digest, read, sh, stat,
};
use crate::parent::{self, Parent};

/// Source and destination, compared.
pub(crate) enum Remote {
    File {
        src: String,
        source: Stat,
        checksum: String,
        found: Found,
        parent: Parent,
        content: Option<Arc<[u8]>>,
    },
    /// `differing` holds `d`, `f` or `l` and a relative path, each for what is to be copied.
    Tree {
        src: String,
        root: String,
        dest: String,
        differing: Vec<(char, String)>,
        now: Option<Stat>,
    },
}

pub(crate) fn look<'a>(src: &str, dest: &str, follow: bool) -> Probe<'a, Remote> {
    let (src, dest) = (src.to_owned(), dest.to_owned());
    stat(tidy(&src)).then(move |source| match source {
        None => Probe::refuse(format!("Source {src} not found")),
        Some(source) if source.kind == FileKind::Directory => tree(src, dest),
        Some(source) => file(src, source, dest, follow),
    })
}

fn file<'a>(src: String, source: Stat, dest: String, follow: bool) -> Probe<'a, Remote> {
    let name = split(&src).1.to_owned();
    let path = if dest.ends_with('/') { format!("{dest}{name}") } else { dest.clone() };
    let wanted = digest(src.clone(), Algorithm::Sha256).and(digest(src.clone(), Algorithm::Sha1));
    wanted.then(move |(sha256, checksum)| {
        let (Some(sha256), Some(checksum)) = (sha256, checksum) else {
            return Probe::refuse(format!("{src} is no regular file"));
        };
        let found = find(tidy(&path), Some(name), follow, Some(sha256));
        found.and(parent::look(&dest)).then(move |(found, parent)| {
            let content = match found.is_right() {
                true => Probe::known(Content::Same),
                false => read(src.clone(), SHOWN),
            };
            content.map(move |content| {
                let content = match content {
                    Content::Bytes(bytes) => Some(bytes),
                    _ => None,
                };
                Remote::File { src, source, checksum, found, parent, content }
            })
        })
    })
}

fn tree<'a>(src: String, dest: String) -> Probe<'a, Remote> {
    let place = tidy(&dest);
    let root = match src.ends_with('/') {
        true => place,
        false => join(&place, split(&tidy(&src)).1),
    };
    let differing = ask_costly(sh(COMPARE, [&src, &root]));
    differing.and(stat(root.clone())).map(move |(reply, now)| {
        let lines = reply.lines();
        let entry = |line: &String| Some((line.chars().next()?, line.get(4..)?.to_owned()));
        let differing = lines.iter().filter_map(entry).collect();
        Remote::Tree { src, root, dest, differing, now }
    })
}

impl Remote {
    /// Permission bits of the source.
    pub(crate) fn source_mode(&self) -> Option<u32> {
        match self {
            Remote::File { source, .. } => Some(source.mode),
            Remote::Tree { .. } => None,
        }
    }

    pub(crate) fn plan(
        self,
        writing: &Writing<'_>,
        directories: Attributes<'_>,
        force: bool,
    ) -> Result<Plan> {
        match self {
            Remote::Tree { src, root, dest, differing, now } => {
                let plan = copy_tree(&src, &root, &differing, &now, writing, directories);
                Ok(plan.value("src", src).value("dest", dest))
            }
            Remote::File { src, source, checksum, found, parent, content } => {
                let above = parent.reach(&found, directories)?;
                let plan = match (content, found.is_right()) {
                    _ if found.stat.is_some() && !force => Plan::none(),
                    (Some(content), _) => found.reach(&content, writing)?,
                    (None, true) => found.reach(&Arc::from([]), writing)?,
                    (None, false) => copy_large(&src, &source, &found, writing)?,
                };
                Ok(above
                    .followed_by(plan)
                    .value("src", src)
                    .value("dest", found.path.as_str())
                    .value("checksum", checksum))
            }
        }
    }
}

fn copy_large(src: &str, source: &Stat, found: &Found, writing: &Writing<'_>) -> Result<Plan> {
    let wanted = writing.attributes;
    let now = found.stat.as_ref().filter(|stat| stat.kind == FileKind::File);
    let before = match &found.content {
        Content::Bytes(bytes) => Text::Bytes(bytes.clone()),
        Content::Large { size, sha256 } => Text::Large { size: *size, sha256: sha256.clone() },
        _ => Text::Absent,
    };
    let after = Text::Large { size: source.size, sha256: String::new() };
    let mut diffs = vec![Diff::Text { path: found.path.clone(), before, after }];
    diffs.extend(wanted.diffs(&found.path, now, false));
    let mode = wanted.bits(now, false).or(now.map(|stat| stat.mode));
    let owner = wanted.owner.map(str::to_owned).or(now.map(|stat| stat.uid.to_string()));
    let group = wanted.group.map(str::to_owned).or(now.map(|stat| stat.gid.to_string()));
    let spec = match (owner, group) {
        (owner, Some(group)) => format!("{}:{group}", owner.unwrap_or_default()),
        (owner, None) => owner.unwrap_or_default(),
    };
    let backup = if writing.backup && now.is_some() { "backup" } else { "" };
    let mut args = vec![
        src.to_owned(),
        found.path.clone(),
        mode.map(octal).unwrap_or_default(),
        spec,
        backup.into(),
    ];
    args.extend(validation(writing.validate)?.into_iter().flatten());
    let step = Step::Run { script: sh(COPY, args), output: Output::Values };
    let mut plan = Plan::none().changes(diffs, step);
    plan.values.extend(describe(found.stat.as_ref()));
    Ok(plan)
}

fn copy_tree(
    src: &str,
    root: &str,
    differing: &[(char, String)],
    now: &Option<Stat>,
    writing: &Writing<'_>,
    directories: Attributes<'_>,
) -> Plan {
    let wanted = writing.attributes;
    let diffs = differing.iter().map(|(kind, path)| {
        let name = match kind {
            'd' => "directory",
            'l' => "link",
            _ => "content",
        };
        Diff::field(&join(root, path), name, "", format!("as {}", join(src, path)))
    });
    let (owner, group) = (wanted.owner.unwrap_or_default(), wanted.group);
    let preserve = matches!(wanted.mode, Some(Mode::Preserve));
    let args = [
        src.to_owned(),
        root.to_owned(),
        match preserve {
            true => "preserve".into(),
            false => wanted.bits(None, false).map(octal).unwrap_or_default(),
        },
        directories.bits(None, true).map(octal).unwrap_or_default(),
        group.map_or_else(|| owner.to_owned(), |group| format!("{owner}:{group}")),
    ];
    let mut plan = Plan::none().changes(diffs.collect(), Step::run(sh(COPY_TREE, args)));
    plan.values.extend(describe(now.as_ref()));
    plan
}

const COMPARE: &str = r#"# what of a directory is missing or different in another?
cd -- "$1" || exit
[ -d "$2" ] || echo 'd   .'
find . ! -name . | LC_ALL=C sort | while IFS= read -r path; do
    there=$2/${path#./}
    if [ -L "$path" ]; then
        [ "$(readlink -- "$path")" = "$(readlink -- "$there" 2>/dev/null)" ] || echo "l $path"
    elif [ -d "$path" ]; then
        [ -d "$there" ] || echo "d $path"
    elif [ -f "$path" ]; then
        cmp -s -- "$path" "$there" || echo "f $path"
    fi
done
"#;

const COPY_TREE: &str = r#"# copy what is missing or different
src=$1 dest=$2 mode=$3 directory_mode=$4 owner=$5
finish() {
    [ -z "$owner" ] || chown -h -- "$owner" "$1" || exit
    [ -z "$2" ] || chmod -- "$2" "$1" || exit
}
if [ ! -d "$dest" ]; then
    mkdir -p -- "$dest" || exit
    finish "$dest" "$directory_mode"
fi
cd -- "$src" || exit
find . ! -name . | LC_ALL=C sort | while IFS= read -r path; do
    there=$dest/${path#./}
    if [ -L "$path" ]; then
        [ "$(readlink -- "$path")" = "$(readlink -- "$there" 2>/dev/null)" ] && continue
        rm -f -- "$there" && cp -P -- "$path" "$there" || exit
        finish "$there" ''
    elif [ -d "$path" ]; then
        [ -d "$there" ] && continue
        mkdir -- "$there" || exit
        finish "$there" "$directory_mode"
    elif [ -f "$path" ]; then
        cmp -s -- "$path" "$there" && continue
        cat -- "$path" >"$there.$$.new" || { rm -f -- "$there.$$.new"; exit 1; }
        bits=$mode
        [ "$mode" != preserve ] || bits=$(stat -c %a -- "$path")
        finish "$there.$$.new" "$bits"
        mv -f -- "$there.$$.new" "$there" || exit
    fi
done
"#;

const COPY: &str = r#"# copy a file: SRC DEST MODE OWNER BACKUP VALIDATE…
src=$1 dest=$2 mode=$3 owner=$4 backup=$5
shift 5
new=$dest.$$.new
trap 'rm -f -- "$new"' EXIT
(umask 077 && : >"$new") && cat -- "$src" >"$new" || exit
[ -z "$owner" ] || chown -- "$owner" "$new" || exit
[ -n "$mode" ] || mode=$(printf '%o' $((0666 & ~0$(umask))))
chmod -- "$mode" "$new" || exit
if [ $# -gt 0 ]; then
    for word; do
        case $word in *%s*) word=${word%%\%s*}$new${word#*\%s} ;; esac
        set -- "$@" "$word"
        shift
    done
    "$@" >&2 || exit
fi
if [ -n "$backup" ]; then
    old=$dest.$$.$(date +%Y-%m-%d@%H:%M:%S)~
    cp -p -- "$dest" "$old" || exit
    printf 'backup_file=%s\n' "$old"
fi
mv -f -- "$new" "$dest"
"#;
