//! Facts about interfaces, addresses and routes.

use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};

use super::sections::{Sections, set};

pub(super) fn gather(sections: &Sections<'_>, found: &mut Map<String, Value>) {
    let mut interfaces: Vec<(String, Map<String, Value>)> = Vec::new();
    for record in sections.records("interfaces", "interface") {
        interfaces.push((record[0].1.to_owned(), interface(&record)));
    }
    let (mut all4, mut all6) = (Vec::new(), Vec::new());
    for line in sections.text("addresses").lines() {
        let Some(address) = Address::read(line) else { continue };
        let Some((_, interface)) =
            interfaces.iter_mut().find(|(name, _)| *name == address.interface)
        else {
            continue;
        };
        if address.v6 {
            if !address.text.starts_with("::1") {
                all6.push(address.text.clone());
            }
            let list = interface.entry("ipv6").or_insert_with(|| json!([]));
            if let Value::Array(list) = list {
                list.push(json!({
                    "address": address.text, "prefix": address.prefix, "scope": address.scope,
                }));
            }
        } else {
            if !address.text.starts_with("127.") {
                all4.push(address.text.clone());
            }
            let value = address.v4();
            if !interface.contains_key("ipv4") {
                set(interface, "ipv4", value);
            } else if let Value::Array(list) =
                interface.entry("ipv4_secondaries").or_insert_with(|| json!([]))
            {
                list.push(value);
            }
        }
    }
    set(found, "all_ipv4_addresses", all4);
    set(found, "all_ipv6_addresses", all6);
    set(found, "default_ipv4", default_route(sections.text("route4"), &interfaces, "ipv4"));
    set(found, "default_ipv6", default_route(sections.text("route6"), &interfaces, "ipv6"));
    set(
        found,
        "locally_reachable_ips",
        json!({
            "ipv4": reachable(sections.text("reachable4")),
            "ipv6": reachable(sections.text("reachable6")),
        }),
    );
    let names: Vec<String> = interfaces.iter().map(|(name, _)| name.clone()).collect();
    set(found, "interfaces", names);
    for (name, interface) in interfaces {
        // A variable's name has no dash, dot or colon.
        set(found, &name.replace(['-', '.', ':'], "_"), interface);
    }
}

/// The addresses of `local …` lines of a routing table.
fn reachable(table: &str) -> Vec<&str> {
    let lines = table.lines().filter_map(|line| line.trim().strip_prefix("local "));
    lines.filter_map(|line| line.split_whitespace().next()).collect()
}

fn interface(record: &[(&str, &str)]) -> Map<String, Value> {
    let get = |key: &str| record.iter().find(|(known, _)| *known == key).map_or("", |(_, v)| v);
    let flags = u32::from_str_radix(get("flags").trim_start_matches("0x"), 16).unwrap_or_default();
    let mut interface = Map::new();
    set(&mut interface, "device", get("interface"));
    let loopback = get("type") == "772";
    if !loopback && !get("mac").is_empty() {
        set(&mut interface, "macaddress", get("mac"));
    }
    if let Ok(mtu) = get("mtu").parse::<u64>() {
        set(&mut interface, "mtu", mtu);
    }
    set(&mut interface, "active", loopback || get("state") != "down");
    let kind = match (get("kind"), get("type")) {
        ("", "1") => "ether",
        ("", "32") => "infiniband",
        ("", "512") => "ppp",
        ("", "772") => "loopback",
        ("", "65534") => "tunnel",
        ("", _) => "unknown",
        (kind, _) => kind,
    };
    set(&mut interface, "type", kind);
    set(&mut interface, "promisc", flags & 0x100 != 0);
    if let Ok(speed) = get("speed").parse::<i64>() {
        set(&mut interface, "speed", speed);
    }
    for key in ["pciid", "module", "mode", "miimon", "lacp_rate", "primary"] {
        let value = get(key).split(' ').next().unwrap_or_default();
        if !value.is_empty() {
            set(&mut interface, key, value);
        }
    }
    if kind == "bridge" {
        let members: Vec<&str> =
            record.iter().filter(|(key, _)| *key == "member").map(|(_, v)| *v).collect();
        set(&mut interface, "interfaces", members);
        set(&mut interface, "id", get("bridge_id"));
        set(&mut interface, "stp", get("stp") == "1");
    }
    if kind == "bonding" {
        set(&mut interface, "slaves", get("slaves").split_whitespace().collect::<Vec<_>>());
    }
    interface
}

/// A line of `ip -o addr`.
struct Address {
    interface: String,
    v6: bool,
    text: String,
    prefix: String,
    broadcast: String,
    scope: String,
}

impl Address {
    fn read(line: &str) -> Option<Address> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |key: &str| {
            let at = words.iter().position(|word| *word == key)?;
            words.get(at + 1).map(|word| word.to_string())
        };
        let v6 = match *words.get(2)? {
            "inet" => false,
            "inet6" => true,
            _ => return None,
        };
        let place = words.get(3)?;
        let (text, prefix) =
            place.split_once('/').unwrap_or((place, if v6 { "128" } else { "32" }));
        Some(Address {
            interface: words.get(1)?.trim_end_matches(':').split('@').next()?.to_owned(),
            v6,
            text: text.to_owned(),
            prefix: prefix.to_owned(),
            broadcast: after("brd").unwrap_or_default(),
            scope: match after("scope").as_deref() {
                Some("global") if v6 => "global".into(),
                Some(scope) => scope.to_owned(),
                None => String::new(),
            },
        })
    }

    fn v4(&self) -> Value {
        let bits = self.prefix.parse::<u32>().unwrap_or(32).min(32);
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        let number = self.text.parse::<Ipv4Addr>().map(u32::from).unwrap_or_default();
        json!({
            "address": self.text,
            "broadcast": self.broadcast,
            "netmask": Ipv4Addr::from(mask).to_string(),
            "network": Ipv4Addr::from(number & mask).to_string(),
            "prefix": self.prefix,
        })
    }
}

/// What `ip route get` says of the way out, with what is known of the interface.
fn default_route(line: &str, interfaces: &[(String, Map<String, Value>)], family: &str) -> Value {
    let words: Vec<&str> = line.split_whitespace().collect();
    let after = |key: &str| {
        words.iter().position(|word| *word == key).and_then(|at| words.get(at + 1).copied())
    };
    let mut route = Map::new();
    let (Some(name), Some(address)) = (after("dev"), after("src")) else { return route.into() };
    if line.starts_with("unreachable") || name == "lo" {
        return route.into();
    }
    let interface = interfaces.iter().find(|(known, _)| known == name).map(|(_, facts)| facts);
    let known = interface.and_then(|facts| facts.get(family));
    let known = match known {
        Some(Value::Array(list)) => list.iter().find(|known| known["address"] == *address),
        other => other,
    };
    if let Some(Value::Object(known)) = known {
        route.extend(known.clone());
    }
    set(&mut route, "address", address);
    set(&mut route, "interface", name);
    if let Some(gateway) = after("via") {
        set(&mut route, "gateway", gateway);
    }
    for key in ["macaddress", "mtu", "type"] {
        if let Some(value) = interface.and_then(|facts| facts.get(key)) {
            set(&mut route, key, value.clone());
        }
    }
    if family == "ipv4" {
        set(&mut route, "alias", name);
    }
    route.into()
}
