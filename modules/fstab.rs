//! Lines of fstab, and the mounts there are.
//!
//! Only the line of the path in question is touched.

/// A line of fstab, its fields as people write them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) src: String,
    pub(crate) path: String,
    pub(crate) fstype: String,
    pub(crate) opts: String,
    pub(crate) dump: String,
    pub(crate) passno: String,
}

/// A field as it stands in the table.
fn escape(field: &str) -> String {
    field.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('&', "\\046")
}

/// A field of /proc/self/mountinfo as it is: `\040` is a blank.
fn unescape(field: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = field.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let octal = tail.get(..3).filter(|_| *first == b'\\');
        let code = octal
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Entry {
    /// The fields of a line, as they stand there; the last two may be missing.
    fn fields(line: &str) -> Option<[&str; 6]> {
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [src, path, fstype, opts] => Some([src, path, fstype, opts, "0", "0"]),
            [src, path, fstype, opts, dump] => Some([src, path, fstype, opts, dump, "0"]),
            [src, path, fstype, opts, dump, passno] => {
                Some([src, path, fstype, opts, dump, passno])
            }
            _ => None,
        }
    }

    fn escaped(&self) -> [String; 6] {
        [&self.src, &self.path, &self.fstype, &self.opts, &self.dump, &self.passno]
            .map(|field| escape(field))
    }
}

/// Whether a line is that of a path. Lines of swap have none and are known by their source.
fn is_of(fields: &[&str; 6], path: &str, src: Option<&str>) -> bool {
    let swap = fields[1] == "none" && fields[2] == "swap";
    fields[1] == escape(path) && !(swap && src.is_some_and(|src| escape(src) != fields[0]))
}

/// The table with this line, in place of the one for the path or at the end.
pub(crate) fn with(text: &str, entry: &Entry) -> String {
    let wanted = entry.escaped();
    let (mut new, mut found) = (String::new(), false);
    for line in text.split_inclusive('\n') {
        match Entry::fields(line).filter(|f| is_of(f, &entry.path, Some(&entry.src))) {
            Some(fields) => {
                found = true;
                match fields.iter().zip(&wanted).all(|(now, wanted)| now == wanted) {
                    true => new += line,
                    false => new += &(wanted.join(" ") + "\n"),
                }
            }
            None => new += line,
        }
    }
    if !found {
        if !new.is_empty() && !new.ends_with('\n') {
            new.push('\n');
        }
        new += &(wanted.join(" ") + "\n");
    }
    new
}

/// The table without the lines of a path.
pub(crate) fn without(text: &str, path: &str, src: Option<&str>) -> String {
    let stays = |line: &&str| Entry::fields(line).is_none_or(|f| !is_of(&f, path, src));
    text.split_inclusive('\n').filter(stays).collect()
}

/// A mount that there is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mounted {
    device: String,
    /// What part of the file system is mounted.
    root: String,
    pub(crate) path: String,
    options: Vec<String>,
    pub(crate) source: String,
}

impl Mounted {
    /// Whether an option is in force; `defaults` always is.
    pub(crate) fn has(&self, option: &str) -> bool {
        matches!(option, "defaults" | "bind" | "rbind" | "auto" | "noauto" | "nofail")
            || option.starts_with("x-")
            || self.options.iter().any(|there| there == option)
    }
}

/// All mounts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Mounts(Vec<Mounted>);

impl Mounts {
    /// Reads /proc/self/mountinfo.
    pub(crate) fn read(text: &str) -> Mounts {
        let line = |line: &str| {
            let (mount, rest) = line.split_once(" - ")?;
            let mount: Vec<&str> = mount.split(' ').collect();
            let rest: Vec<&str> = rest.split(' ').collect();
            let options = mount.get(5)?.split(',').chain(rest.get(2)?.split(','));
            Some(Mounted {
                device: (*mount.get(2)?).to_owned(),
                root: unescape(mount.get(3)?),
                path: unescape(mount.get(4)?),
                options: options.map(str::to_owned).collect(),
                source: unescape(rest.get(1)?),
            })
        };
        Mounts(text.lines().filter_map(line).collect())
    }

    /// What is mounted at a path: of several, the last.
    pub(crate) fn at(&self, path: &str) -> Option<&Mounted> {
        self.0.iter().rfind(|mount| mount.path == path)
    }

    /// Whether a mount is of this device, or of this directory.
    pub(crate) fn is_from(&self, mount: &Mounted, src: &str) -> bool {
        if mount.source == src {
            return true;
        }
        // The directory lies in another mount of the same file system.
        self.0.iter().filter(|other| other.device == mount.device && *other != mount).any(|other| {
            let inside = match other.root.as_str() {
                "/" => Some(mount.root.as_str()),
                root => mount.root.strip_prefix(root),
            };
            inside.is_some_and(|inside| {
                let whole = format!(
                    "{}/{}",
                    other.path.trim_end_matches('/'),
                    inside.trim_start_matches('/')
                );
                whole.trim_end_matches('/') == src.trim_end_matches('/')
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Mounts;

    #[test]
    fn mounts_are_known_by_device_and_by_directory() {
        let mounts = Mounts::read(
            "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw,errors=remount-ro\n\
             23 22 0:5 / /proc rw,nosuid - proc proc rw\n\
             40 22 8:1 /srv/my\\040data /mnt/b rw,relatime shared:1 - ext4 /dev/sda1 rw\n",
        );
        let bound = mounts.at("/mnt/b").expect("a mount");
        assert!(mounts.is_from(bound, "/srv/my data") && mounts.is_from(bound, "/dev/sda1"));
        assert!(!mounts.is_from(bound, "/srv"));
        let root = mounts.at("/").expect("a mount");
        assert!(root.has("errors=remount-ro") && root.has("defaults") && !root.has("noexec"));
        assert_eq!(mounts.at("/mnt"), None);
    }
}
