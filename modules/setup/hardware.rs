//! Facts about processors, memory, mounts, disks and firmware.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::devices::Links;
use super::sections::{Sections, set};

pub(super) fn gather(sections: &Sections<'_>, found: &mut Map<String, Value>) {
    processor(sections, found);
    memory(sections.text("meminfo"), found);
    let times = sections.pairs("uptime");
    let uptime = times.get("uptime").and_then(|text| text.split('.').next()?.parse::<u64>().ok());
    if let Some(seconds) = uptime {
        set(found, "uptime_seconds", seconds);
    }
    firmware(&sections.pairs("dmi"), found);
    set(found, "mounts", mounts(sections));
    set(found, "lvm", volumes(sections));
}

fn processor(sections: &Sections<'_>, found: &mut Map<String, Value>) {
    let mut list: Vec<Value> = Vec::new();
    let mut sockets: HashMap<&str, u64> = HashMap::new();
    let (mut socket, mut count, mut siblings) = ("0", 0u64, 1u64);
    for line in sections.text("cpuinfo").lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match key.trim() {
            key @ ("processor" | "vendor_id" | "model name" | "Processor" | "cpu model"
            | "Hardware") => {
                list.push(value.into());
                count += u64::from(key == "processor");
            }
            "physical id" => {
                socket = value;
                sockets.entry(value).or_insert(1);
            }
            "siblings" => siblings = value.parse().unwrap_or(1),
            "cpu cores" => {
                sockets.insert(socket, value.parse().unwrap_or(1));
            }
            _ => {}
        }
    }
    let vcpus = count.max(1);
    // Where nothing is said of sockets every processor is one.
    let (number, cores) = match sockets.values().next() {
        Some(cores) => (sockets.len() as u64, *cores),
        None => (vcpus, 1),
    };
    let threads = if sockets.is_empty() { 1 } else { (siblings / cores.max(1)).max(1) };
    set(found, "processor", list);
    set(found, "processor_count", number);
    set(found, "processor_cores", cores);
    set(found, "processor_threads_per_core", threads);
    set(found, "processor_vcpus", number * cores * threads);
    let nproc = sections.text("nproc").trim().parse().unwrap_or(vcpus);
    set(found, "processor_nproc", nproc);
    let flags = sections.text("flags").split_once(':').map_or("", |(_, flags)| flags);
    set(found, "flags", flags.split_whitespace().collect::<Vec<_>>());
}

fn memory(text: &str, found: &mut Map<String, Value>) {
    let line = |line: &str| {
        let (key, value) = line.split_once(':')?;
        let kilobytes: u64 = value.trim().trim_end_matches(" kB").parse().ok()?;
        Some((key.to_owned(), kilobytes / 1024))
    };
    let megabytes: HashMap<String, u64> = text.lines().filter_map(line).collect();
    let get = |key: &str| megabytes.get(key).copied().unwrap_or_default();
    let (total, free) = (get("MemTotal"), get("MemFree"));
    let nocache = free + get("Cached") + get("Buffers");
    let (swap, swap_free) = (get("SwapTotal"), get("SwapFree"));
    set(found, "memtotal_mb", total);
    set(found, "memfree_mb", free);
    set(found, "swaptotal_mb", swap);
    set(found, "swapfree_mb", swap_free);
    set(
        found,
        "memory_mb",
        json!({
            "real": { "total": total, "used": total.saturating_sub(free), "free": free },
            "nocache": { "free": nocache, "used": total.saturating_sub(nocache) },
            "swap": {
                "total": swap, "free": swap_free, "used": swap.saturating_sub(swap_free),
                "cached": get("SwapCached"),
            },
        }),
    );
}

fn firmware(dmi: &BTreeMap<&str, &str>, found: &mut Map<String, Value>) {
    const SAME: [&str; 16] = [
        "product_name",
        "product_serial",
        "product_uuid",
        "product_version",
        "bios_date",
        "bios_vendor",
        "bios_version",
        "board_asset_tag",
        "board_name",
        "board_serial",
        "board_vendor",
        "board_version",
        "chassis_asset_tag",
        "chassis_serial",
        "chassis_vendor",
        "chassis_version",
    ];
    const FORMS: [&str; 24] = [
        "Unknown",
        "Other",
        "Unknown",
        "Desktop",
        "Low Profile Desktop",
        "Pizza Box",
        "Mini Tower",
        "Tower",
        "Portable",
        "Laptop",
        "Notebook",
        "Hand Held",
        "Docking Station",
        "All In One",
        "Sub Notebook",
        "Space-saving",
        "Lunch Box",
        "Main Server Chassis",
        "Expansion Chassis",
        "Sub Chassis",
        "Bus Expansion Chassis",
        "Peripheral Chassis",
        "RAID Chassis",
        "Rack Mount Chassis",
    ];
    let get = |key: &str| dmi.get(key).map_or("NA", |value| value.trim());
    for key in SAME {
        set(found, key, get(key));
    }
    set(found, "system_vendor", get("sys_vendor"));
    let form = get("chassis_type").parse::<usize>().ok().and_then(|index| FORMS.get(index));
    set(found, "form_factor", form.copied().unwrap_or("NA"));
}

/// What is mounted; of several at one place the last.
fn mounts(sections: &Sections<'_>) -> Value {
    // A mount whose root is not its file system's is a bind mount.
    let bound = |place: &str| {
        sections.text("mountinfo").lines().any(|line| {
            let mut words = line.split(' ').skip(3);
            words.next().is_some_and(|root| root != "/") && words.next() == Some(place)
        })
    };
    let links = Links::new(sections);
    let mut mounts: Vec<Value> = Vec::new();
    for line in sections.text("mounts").lines() {
        let Some(mount) = mount(line, &links, bound) else { continue };
        match mounts.iter_mut().find(|known| known["mount"] == mount["mount"]) {
            Some(known) => *known = mount,
            None => mounts.push(mount),
        }
    }
    mounts.into()
}

fn mount(line: &str, links: &Links<'_>, bound: impl Fn(&str) -> bool) -> Option<Value> {
    let mut fields = line.splitn(5, '|');
    let (device, place, kind) = (fields.next()?, fields.next()?, fields.next()?);
    let (options, sizes) = (fields.next()?, fields.next()?);
    let mut mount = Map::new();
    set(&mut mount, "mount", place);
    set(&mut mount, "device", device);
    set(&mut mount, "fstype", kind);
    match bound(place) && !options.split(',').any(|option| option == "bind") {
        true => set(&mut mount, "options", format!("{options},bind")),
        false => set(&mut mount, "options", options),
    }
    set(&mut mount, "dump", 0);
    set(&mut mount, "passno", 0);
    let disk = device.rsplit('/').next().unwrap_or_default();
    set(&mut mount, "uuid", links.first("uuid", disk).unwrap_or("N/A"));
    let sizes: Vec<u64> = sizes.split(' ').filter_map(|number| number.parse().ok()).collect();
    if let [available, total, fragment, block, inodes, inodes_free] = sizes[..] {
        set(&mut mount, "size_total", total * fragment);
        set(&mut mount, "size_available", available * fragment);
        set(&mut mount, "block_size", block);
        set(&mut mount, "block_total", total);
        set(&mut mount, "block_available", available);
        set(&mut mount, "block_used", total.saturating_sub(available));
        set(&mut mount, "inode_total", inodes);
        set(&mut mount, "inode_available", inodes_free);
        set(&mut mount, "inode_used", inodes.saturating_sub(inodes_free));
    }
    Some(mount.into())
}

/// Volume groups, logical and physical volumes; `N/A` where they cannot be asked for.
fn volumes(sections: &Sections<'_>) -> Value {
    if !sections.has("vgs") {
        return "N/A".into();
    }
    let rows = |name: &str| {
        let lines = sections.text(name).lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(|line| line.split(',').collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let (mut groups, mut logical, mut physical) = (Map::new(), Map::new(), Map::new());
    for row in rows("vgs") {
        if let [name, pvs, lvs, _, _, size, free] = row[..] {
            let group = json!({ "size_g": size, "free_g": free, "num_lvs": lvs, "num_pvs": pvs });
            groups.insert(name.to_owned(), group);
        }
    }
    for row in rows("lvs") {
        if let [name, group, _, size, ..] = row[..] {
            logical.insert(name.to_owned(), json!({ "size_g": size, "vg": group }));
        }
    }
    for row in rows("pvs") {
        if let [name, group, _, _, size, free] = row[..] {
            let volume = json!({ "size_g": size, "free_g": free, "vg": group });
            physical.insert(name.to_owned(), volume);
        }
    }
    json!({ "vgs": groups, "lvs": logical, "pvs": physical })
}
