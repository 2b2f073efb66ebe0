//! Facts about disks, their partitions and the names they go by.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::sections::{Sections, human, set};

/// The names of disks and partitions below /dev/disk, and what they are parts of.
pub(super) struct Links<'a> {
    /// By kind (`id`, `uuid`, `label`, `master`), then by device.
    kinds: BTreeMap<&'static str, BTreeMap<&'a str, Vec<&'a str>>>,
}

/// The kinds and their names in the facts.
const KINDS: [(&str, &str); 4] =
    [("id", "ids"), ("label", "labels"), ("master", "masters"), ("uuid", "uuids")];

impl<'a> Links<'a> {
    pub(super) fn new(sections: &Sections<'a>) -> Links<'a> {
        let mut kinds: BTreeMap<_, BTreeMap<&str, Vec<&str>>> =
            KINDS.into_iter().map(|(kind, _)| (kind, BTreeMap::new())).collect();
        let mut current = "";
        for line in sections.text("disk-links").lines() {
            let link = match (line.strip_prefix("kind="), line.strip_prefix("master=")) {
                (Some(kind), _) => {
                    current = kind;
                    continue;
                }
                (_, Some(pair)) => pair.split_once(' ').map(|(disk, part)| ("master", part, disk)),
                // `lrwxrwxrwx 1 root root 9 Jan  1 00:00 NAME -> ../../sda`
                _ => line.rsplit_once(" -> ").and_then(|(left, right)| {
                    let name = left.rsplit(' ').next()?;
                    Some((current, right.rsplit('/').next()?, name))
                }),
            };
            if let Some((kind, device, name)) = link
                && let Some(of_kind) = kinds.get_mut(kind)
            {
                of_kind.entry(device).or_default().push(name);
            }
        }
        kinds.values_mut().flat_map(BTreeMap::values_mut).for_each(|names| names.sort_unstable());
        Links { kinds }
    }

    pub(super) fn first(&self, kind: &str, device: &str) -> Option<&'a str> {
        self.kinds.get(kind)?.get(device)?.first().copied()
    }

    /// All kinds, each with the names of one device.
    fn of(&self, device: &str) -> Value {
        let of_kind = |(kind, name): (&str, &str)| {
            let names = self.kinds.get(kind).and_then(|devices| devices.get(device));
            (name.to_owned(), names.cloned().unwrap_or_default().into())
        };
        KINDS.into_iter().map(of_kind).collect::<Map<String, Value>>().into()
    }

    fn all(&self) -> Value {
        let of_kind = |(kind, name): (&str, &str)| (name.to_owned(), json!(self.kinds.get(kind)));
        KINDS.into_iter().map(of_kind).collect::<Map<String, Value>>().into()
    }
}

pub(super) fn gather(sections: &Sections<'_>, found: &mut Map<String, Value>) {
    let links = Links::new(sections);
    let mut devices = Map::new();
    for record in sections.records("devices", "disk") {
        let name = record[0].1;
        devices.insert(name.to_owned(), device(name, &record[1..], sections, &links));
    }
    set(found, "devices", devices);
    set(found, "device_links", links.all());
}

fn device(
    name: &str,
    record: &[(&str, &str)],
    sections: &Sections<'_>,
    links: &Links<'_>,
) -> Value {
    let mut disk = Map::new();
    let mut partitions: Map<String, Value> = Map::new();
    let mut current: Option<&str> = None;
    let sector = record.iter().find(|(key, _)| *key == "sectorsize").map_or("512", |(_, v)| v);
    for key in ["model", "vendor", "sas_address", "sas_device_handle"] {
        set(&mut disk, key, Value::Null);
    }
    set(&mut disk, "virtual", 1);
    set(&mut disk, "host", "");
    set(&mut disk, "scheduler_mode", "");
    set(&mut disk, "holders", json!([]));
    set(&mut disk, "links", links.of(name));
    for (key, value) in record {
        if *key == "partition" {
            let part = json!({
                "sectorsize": sector, "holders": [], "links": links.of(value),
                "uuid": links.first("uuid", value),
            });
            partitions.insert((*value).to_owned(), part);
            current = Some(value);
            continue;
        }
        let part = current.and_then(|name| partitions.get_mut(name)).and_then(Value::as_object_mut);
        let (at, in_part) = match part {
            Some(part) => (part, true),
            None => (&mut disk, false),
        };
        match *key {
            "size" => {
                // The kernel counts in 512 bytes whatever the disk does.
                let sectors = value.parse::<u64>().unwrap_or_default();
                set(at, "sectors", sectors);
                set(at, "size", human(sectors * 512));
            }
            "holder" => {
                if let Some(Value::Array(holders)) = at.get_mut("holders") {
                    holders.push((*value).into());
                }
            }
            "scheduler" => {
                let mode = value.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
                set(at, "scheduler_mode", mode.map_or("", |(mode, _)| mode));
            }
            "path" => set(at, "host", controller(value, sections.text("lspci"))),
            "start" if in_part => set(at, "start", *value),
            key => set(at, key, *value),
        }
    }
    if let Some(wwn) = links
        .kinds
        .get("id")
        .and_then(|ids| ids.get(name))
        .and_then(|ids| ids.iter().find_map(|id| id.strip_prefix("wwn-")))
    {
        set(&mut disk, "wwn", wwn);
    }
    set(&mut disk, "partitions", partitions);
    disk.into()
}

/// What lspci says of the controller a disk hangs on.
fn controller(path: &str, lspci: &str) -> String {
    let is_address =
        |word: &&str| word.len() == 12 && word.as_bytes()[4] == b':' && word.as_bytes()[7] == b':';
    let address = path.split('/').rev().find(is_address);
    let line =
        address.and_then(|address| lspci.lines().find_map(|line| line.strip_prefix(address)));
    line.map_or(String::new(), |line| line.trim().to_owned())
}
