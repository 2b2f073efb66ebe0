//! Addresses and networks: `ipaddr` and its relatives, and the tests of ansible.utils.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::template::call::{Body, Call, described, items};
use crate::template::error::failed;
use crate::template::print;
use crate::template::value::{self, integer};

use super::address::{Place, address, mask_length, moved, number};

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("ipaddr", |call| asked(call, None)),
    ("ipv4", |call| asked(call, Some(4))),
    ("ipv6", |call| asked(call, Some(6))),
    ("ipwrap", ipwrap),
    ("ipsubnet", ipsubnet),
    ("ipmath", ipmath),
    ("nthhost", nthhost),
    ("next_nth_usable", |call| neighbour(call, 1)),
    ("previous_nth_usable", |call| neighbour(call, -1)),
    ("network_in_network", |call| {
        let (outer, inner) = both(call)?;
        Ok(Value::from(matches!((outer, inner), (Some(o), Some(i)) if o.contains(&i))))
    }),
    ("network_in_usable", |call| {
        let (outer, inner) = both(call)?;
        let holds = |outer: Place, inner: Place| {
            let (first, last) = outer.usable().unwrap_or((outer.first(), outer.last()));
            outer.version() == inner.version() && first <= inner.first() && inner.last() <= last
        };
        Ok(Value::from(matches!((outer, inner), (Some(o), Some(i)) if holds(o, i))))
    }),
    ("reduce_on_network", reduce),
    ("cidr_merge", cidr_merge),
    ("ip4_hex", |call| {
        let text = call.string()?;
        let ip: Ipv4Addr = text.parse().map_err(|_| call.expected("an IPv4 address"))?;
        let hex: Vec<String> = ip.octets().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Value::from(hex.join(&call.text(0, "delimiter", ""))))
    }),
    ("slaac", slaac),
    ("ipv6form", ipv6form),
    ("usable_range", usable_range),
];

/// What a value says: an address alone or with a prefix.
struct Asked {
    place: Place,
    /// A prefix was written.
    network: bool,
    /// As it is written, or as the number it is reads as an address.
    value: Value,
}

fn read(value: &Value, version: Option<u8>) -> Option<Asked> {
    let text = print::text(value);
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let place = Place::parse(&text)?;
        let numeric = text.split('/').next().is_some_and(|head| head.parse::<u128>().is_ok());
        let value = if numeric { Value::from(place.text()) } else { value.clone() };
        return Some(Asked { place, network: text.contains('/'), value });
    }
    let whole: u128 = text.parse().ok()?;
    let (four, six) = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    let ip = match version {
        Some(6) => address(whole, six)?,
        _ => address(whole, four).or_else(|| address(whole, six))?,
    };
    let place = Place { ip, prefix: if ip.is_ipv4() { 32 } else { 128 } };
    Some(Asked { place, network: false, value: Value::from(place.text()) })
}

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

fn asked(call: &mut Call<'_, '_, '_>, version: Option<u8>) -> Result<Value, Error> {
    let query = call.arg(0, "query").cloned().unwrap_or_else(|| Value::from(""));
    let version = match (version, call.given(1, "version")) {
        (None, Some(_)) => u8::try_from(call.int(1, "version", 0)?).ok().filter(|v| *v != 0),
        (version, _) => version,
    };
    ask(call.value(), &query, version, call.name)
}

fn ask(value: &Value, query: &Value, version: Option<u8>, name: &str) -> Result<Value, Error> {
    if is_list(value) {
        let query = Value::from(print::text(query));
        let mut kept = Vec::new();
        for item in items(value).unwrap_or_default() {
            let found = ask(&item, &query, version, name)?;
            if found.is_true() {
                kept.push(found);
            }
        }
        return Ok(Value::from(kept));
    }
    let no = || Ok(Value::from(false));
    if !value.is_true() || value.kind() == ValueKind::Bool {
        return no();
    }
    let Some(asked) = read(value, version) else { return no() };
    if version.is_some_and(|version| version != asked.place.version()) {
        return no();
    }
    let text = print::text(query);
    if let Some(found) = answer(&asked, &text)? {
        return Ok(found);
    }
    if query.as_str().is_none_or(|text| text.parse::<i64>().is_err())
        && let Some(outer) =
            read(query, None).filter(|outer| outer.network || query.as_str().is_some())
        && query.kind() == ValueKind::String
    {
        return Ok(if outer.place.contains(&asked.place) { asked.value } else { Value::from(()) });
    }
    let Ok(at) = text.parse::<i128>() else {
        return Err(failed(format!("unknown query `{text}` of `{name}`")));
    };
    let place = &asked.place;
    if place.size() == 1 {
        return Ok(Value::from(if asked.network { place.text() } else { place.ip.to_string() }));
    }
    // As there, a number that is written as text is none.
    let found = place.nth(at).filter(|_| query.as_str().is_none());
    Ok(found.map_or(Value::from(false), |ip| Value::from(format!("{ip}/{}", place.prefix))))
}

/// The answer to a query by name; none if there is no such query.
fn answer(asked: &Asked, query: &str) -> Result<Option<Value>, Error> {
    let place = &asked.place;
    let (ip, prefix, size) = (place.ip, place.prefix, place.size());
    let none = Value::from(());
    let text = |text: Option<String>| text.map_or_else(|| Value::from(()), Value::from);
    let given = |holds: bool| if holds { asked.value.clone() } else { Value::from(()) };
    let at_network = ip == place.network();
    let host = |form: &dyn Fn() -> String| (size == 2 || size > 1 && !at_network).then(form);
    let network_only = || match asked.network {
        true => Ok(()),
        false => Err(failed(format!("`{}` is no network address", print::text(&asked.value)))),
    };
    let relative = |step: i128| {
        let (first, last) = place.usable()?;
        let next = moved(number(ip), step)?;
        (first..=last).contains(&next).then(|| address(next, ip)).flatten()
    };
    Ok(Some(match query {
        "" => Value::from(if asked.network { place.text() } else { ip.to_string() }),
        "bool" => Value::from(true),
        "address" | "ip" => {
            let shown = size == 1 || !at_network || place.broadcast().is_none() || ip.is_ipv6();
            text(shown.then(|| ip.to_string()))
        }
        "address/prefix" | "gateway" | "gw" | "host/prefix" | "hostnet" | "router" => {
            if size > 2 && (at_network || Some(ip) == place.broadcast()) {
                return Ok(Some(Value::from(false)));
            }
            Value::from(place.text())
        }
        "broadcast" => text(place.broadcast().filter(|_| size > 2).map(|ip| ip.to_string())),
        "cidr" => Value::from(place.text()),
        "first_usable" => {
            network_only()?;
            text(place.usable().and_then(|(first, _)| address(first, ip)).map(|ip| ip.to_string()))
        }
        "last_usable" => {
            network_only()?;
            text(place.usable().and_then(|(_, last)| address(last, ip)).map(|ip| ip.to_string()))
        }
        "range_usable" => {
            network_only()?;
            let range = place.usable().and_then(|(first, last)| {
                Some(format!("{}-{}", address(first, ip)?, address(last, ip)?))
            });
            text(range)
        }
        "next_usable" => {
            network_only()?;
            text(relative(1).map(|ip| ip.to_string()))
        }
        "previous_usable" => {
            network_only()?;
            text(relative(-1).map(|ip| ip.to_string()))
        }
        "peer" => {
            network_only()?;
            let flip = match (size, number(ip) % 4) {
                (2, _) => 1,
                (4, 1 | 2) => 3,
                (4, _) => {
                    return Err(failed("the first and the last address of a /30 have no peer"));
                }
                _ => {
                    return Err(failed(format!("`{}` is no point-to-point network", place.text())));
                }
            };
            text(address(number(ip) ^ flip, ip).map(|ip| ip.to_string()))
        }
        "host" => match size {
            1 => Value::from(place.text()),
            _ => text((!at_network || place.broadcast().is_none()).then(|| place.text())),
        },
        "hostmask" | "wildcard" => Value::from(place.hostmask().to_string()),
        "netmask" => Value::from(place.netmask().to_string()),
        "network" | "network_id" => Value::from(place.network().to_string()),
        "network/prefix" | "subnet" => Value::from(place.subnet()),
        "network_netmask" => Value::from(format!("{} {}", place.network(), place.netmask())),
        "network_wildcard" => Value::from(format!("{} {}", place.network(), place.hostmask())),
        "net" => text((size > 1 && at_network).then(|| place.subnet())),
        "ip/prefix" => text(host(&|| place.text())),
        "ip_netmask" => text(host(&|| format!("{ip} {}", place.netmask()))),
        "int" => match asked.network {
            true => Value::from(format!("{}/{prefix}", number(ip))),
            false => whole(number(ip)),
        },
        "prefix" => Value::from(prefix),
        "size" => whole(size),
        "size_usable" => whole(match size {
            1 => 0,
            2 => 2,
            size => size - 2,
        }),
        "version" => Value::from(place.version()),
        "type" => Value::from(if size > 1 && at_network { "network" } else { "address" }),
        "revdns" => Value::from(reverse(ip)),
        "ipv4" | "v4" => match ip {
            IpAddr::V4(_) => asked.value.clone(),
            IpAddr::V6(ip) => match ip.to_ipv4() {
                Some(ip) if prefix >= 96 => Value::from(format!("{ip}/{}", prefix - 96)),
                _ => Value::from(false),
            },
        },
        "ipv6" | "v6" => match ip {
            IpAddr::V4(ip) => Value::from(format!("{}/{}", ip.to_ipv6_mapped(), prefix + 96)),
            IpAddr::V6(_) => asked.value.clone(),
        },
        "6to4" => match ip {
            IpAddr::V4(ip) if size > 1 && at_network || ip.is_multicast() => Value::from(false),
            IpAddr::V4(ip) => {
                let [a, b, c, d] = ip.octets();
                Value::from(format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1/48"))
            }
            IpAddr::V6(ip) => match ip.segments()[0] == 0x2002 && (!asked.network || !at_network) {
                true => asked.value.clone(),
                false => Value::from(false),
            },
        },
        "link-local" => given(within(ip, &["169.254.0.0/16", "fe80::/10"])),
        "loopback" | "lo" => given(ip.is_loopback()),
        "multicast" => given(ip.is_multicast()),
        "unicast" => given(!ip.is_multicast()),
        "private" => given(!is_global(ip)),
        "public" => given(!ip.is_multicast() && is_global(ip) && !ip.is_loopback()),
        "wrap" => match (ip, asked.network) {
            (IpAddr::V4(_), _) => asked.value.clone(),
            (IpAddr::V6(_), false) => Value::from(format!("[{ip}]")),
            (IpAddr::V6(_), true) => Value::from(format!("[{ip}]/{prefix}")),
        },
        "cidr_lookup" => none,
        _ => return Ok(None),
    }))
}

fn whole(number: u128) -> Value {
    i128::try_from(number).map_or_else(|_| Value::from(number), integer)
}

fn within(ip: IpAddr, nets: &[&str]) -> bool {
    nets.iter().any(|net| net.parse::<IpNet>().is_ok_and(|net| net.contains(&ip)))
}

/// Networks that are not part of the public internet, as IANA lists them.
const SPECIAL: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "::ffff:0:0/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "fc00::/7",
    "fe80::/10",
];

fn is_global(ip: IpAddr) -> bool {
    !within(ip, SPECIAL) || within(ip, &["192.0.0.9/32", "192.0.0.10/32"])
}

/// The name under which name servers keep the name of an address.
fn reverse(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        IpAddr::V6(ip) => {
            let digits = format!("{:032x}", u128::from(ip));
            let reversed: Vec<String> = digits.chars().rev().map(|c| c.to_string()).collect();
            format!("{}.ip6.arpa.", reversed.join("."))
        }
    }
}

fn ipwrap(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let query = call.arg(0, "query").cloned().unwrap_or_else(|| Value::from(""));
    let one = |value: &Value| {
        let found = ask(value, &query, None, "ipwrap")?;
        match found.is_true() {
            true => ask(&found, &Value::from("wrap"), None, "ipwrap"),
            false => Ok(value.clone()),
        }
    };
    match is_list(call.value()) {
        true => call.items()?.iter().map(one).collect::<Result<Vec<_>, _>>().map(Value::from),
        false => one(call.value()),
    }
}

/// An address with its prefix as it is, a network from its first address on.
fn place(value: &Value) -> Option<Place> {
    read(value, None).map(|asked| asked.place)
}

fn ipsubnet(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let Some(place) = place(call.value()) else { return Ok(Value::from(false)) };
    let place = Place { ip: place.network(), ..place };
    let query = call.text(0, "query", "");
    if query.is_empty() {
        return Ok(Value::from(place.text()));
    }
    let shown = |number: u128, prefix: u8| {
        address(number, place.ip)
            .map_or(Value::from(false), |ip| Value::from(format!("{ip}/{prefix}")))
    };
    let Ok(prefix) = query.parse::<u8>() else {
        let Some(outer) = Place::parse(&query) else {
            return Err(failed(format!(
                "`ipsubnet` expects a prefix or a network, found `{query}`"
            )));
        };
        if !outer.contains(&place) || outer.prefix > place.prefix {
            return Err(failed(format!("{} is not in the subnet {}", place.text(), outer.text())));
        }
        let rank = (place.first() - outer.first()) / place.size() + 1;
        return Ok(Value::from(rank.to_string()));
    };
    if prefix > place.width() {
        return Ok(Value::from(false));
    }
    let index = match call.given(1, "index") {
        Some(_) => Some(i128::from(call.int(1, "index", 0)?)),
        None => None,
    };
    if place.size() == 1 {
        // The networks around an address, from the prefix asked for to the one that is nearest.
        let count = i128::from(place.width()) - i128::from(prefix);
        let at = index.unwrap_or(0);
        let at = if at < 0 { at + count } else { at };
        return Ok(match u8::try_from(at).ok().filter(|_| at < count) {
            Some(at) => Value::from(Place { ip: place.ip, prefix: prefix + at }.subnet()),
            None => Value::from(false),
        });
    }
    let Some(more) = prefix.checked_sub(place.prefix) else {
        return match index {
            // As there, the first of a size that is too large is the network with that prefix.
            Some(0) => Ok(shown(place.first(), prefix)),
            Some(_) => Ok(Value::from(false)),
            None => Err(failed(format!("{} has no subnets of the size {prefix}", place.text()))),
        };
    };
    let count = 1u128.checked_shl(u32::from(more)).unwrap_or(u128::MAX);
    let Some(at) = index else { return Ok(Value::from(count.to_string())) };
    let at = if at < 0 { at + count as i128 } else { at };
    let each = Place { ip: place.ip, prefix }.size();
    Ok(match u128::try_from(at).ok().filter(|at| *at < count) {
        Some(at) => shown(place.first() + at * each, prefix),
        None => Value::from(false),
    })
}

fn ipmath(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let refused = || call.expected("an address");
    let text = call.value().as_str().ok_or_else(refused)?;
    let place = Place::parse(text).ok_or_else(refused)?;
    let amount = call.required(0, "amount")?;
    let step = crate::template::call::whole(amount).ok_or_else(|| {
        failed(format!("`ipmath` expects a whole number, found {}", described(amount)))
    })?;
    moved(number(place.ip), i128::from(step))
        .and_then(|found| address(found, place.ip))
        .map(|ip| Value::from(ip.to_string()))
        .ok_or_else(|| failed(format!("`ipmath`: no address {step} from `{text}`")))
}

fn nthhost(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let query = call.arg(0, "query").cloned().unwrap_or_default();
    let Some(place) = place(call.value()).filter(|_| query.is_true()) else {
        return Ok(Value::from(false));
    };
    let at = crate::template::call::whole(&query).and_then(|at| place.nth(i128::from(at)));
    Ok(at.map_or(Value::from(false), |ip| Value::from(ip.to_string())))
}

/// The nth usable address after or before one.
fn neighbour(call: &mut Call<'_, '_, '_>, way: i128) -> Result<Value, Error> {
    let Some(place) = place(call.value()) else { return Ok(Value::from(false)) };
    let step = i128::from(call.int(0, "offset", 0)?) * way;
    let found = place.usable().and_then(|(first, last)| {
        let next = moved(number(place.ip), step)?;
        (first..=last).contains(&next).then(|| address(next, place.ip)).flatten()
    });
    Ok(found.map_or(Value::from(()), |ip| Value::from(ip.to_string())))
}

fn both(call: &Call<'_, '_, '_>) -> Result<(Option<Place>, Option<Place>), Error> {
    Ok((place(call.value()), place(call.required(0, "test")?)))
}

fn reduce(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let network = call.required(0, "network")?.clone();
    let Some(outer) = place(&network) else {
        return Err(failed(format!(
            "`reduce_on_network` expects a network, found {}",
            described(&network)
        )));
    };
    let mut kept = call.items()?;
    kept.retain(|item| place(item).is_some_and(|inner| outer.contains(&inner)));
    Ok(Value::from(kept))
}

fn cidr_merge(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    if !is_list(call.value()) {
        return Err(call.expected("a list of networks"));
    }
    let mut places = Vec::new();
    for item in call.items()? {
        places.push(place(&item).ok_or_else(|| {
            failed(format!("`cidr_merge` expects networks, found {}", described(&item)))
        })?);
    }
    match call.text(0, "action", "merge").as_str() {
        "merge" => {
            let nets: Vec<IpNet> = places.iter().map(|place| place.net().trunc()).collect();
            let merged = IpNet::aggregate(&nets);
            Ok(Value::from(merged.iter().map(ToString::to_string).collect::<Vec<_>>()))
        }
        "span" => {
            let Some(one) = places.first().copied() else { return Ok(Value::from(())) };
            if places.iter().any(|place| place.version() != one.version()) {
                return Err(failed("`cidr_merge` expects networks of one version"));
            }
            let first = places.iter().map(Place::first).min().unwrap_or_default();
            let last = places.iter().map(Place::last).max().unwrap_or_default();
            let mut span =
                Place { ip: address(first, one.ip).unwrap_or(one.ip), prefix: one.width() };
            while span.last() < last && span.prefix > 0 {
                span.prefix -= 1;
            }
            Ok(Value::from(span.subnet()))
        }
        other => Err(failed(format!("`cidr_merge` knows merge and span, found `{other}`"))),
    }
}

/// The address that a host with a hardware address gives itself.
fn slaac(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let Some(place) = place(call.value()).filter(|place| place.version() == 6) else {
        return Ok(Value::from(false));
    };
    let query = call.text(0, "query", "");
    let Some([a, b, c, d, e, f]) = super::hardware::parse(&query) else {
        return Ok(Value::from(false));
    };
    let id = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    let ip = address(place.first() | u128::from(id), place.ip);
    Ok(ip.map_or(Value::from(false), |ip| Value::from(ip.to_string())))
}

fn ipv6form(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = call.string()?;
    let ip: Ipv6Addr = text.parse().map_err(|_| call.expected("an IPv6 address"))?;
    Ok(Value::from(match call.text(0, "format", "").as_str() {
        "" | "compress" => ip.to_string(),
        "expand" => {
            ip.segments().iter().map(|part| format!("{part:04x}")).collect::<Vec<_>>().join(":")
        }
        "x509" => {
            ip.segments().iter().map(|part| format!("{part:x}")).collect::<Vec<_>>().join(":")
        }
        other => {
            return Err(failed(format!(
                "expected the form compress, expand or x509, found `{other}`"
            )));
        }
    }))
}

/// More addresses than this are not listed.
const LISTED: u128 = 1 << 16;

fn usable_range(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let place = place(call.value()).ok_or_else(|| call.expected("an address or a network"))?;
    if place.size() > LISTED {
        return Err(failed(format!("`usable_range` lists at most {LISTED} addresses")));
    }
    let all: Vec<Value> = (place.first()..=place.last())
        .filter_map(|number| address(number, place.ip))
        .map(|ip| Value::from(ip.to_string()))
        .collect();
    let entries = [
        (Value::from("usable_ips"), Value::from(all.clone())),
        (Value::from("number_of_ips"), Value::from(all.len())),
    ];
    Ok(value::map(entries.into_iter().collect()))
}

pub(super) const TESTS: &[(&str, Body)] = &[
    ("in_network", |call| {
        let outer = strict(call.required(0, "network")?);
        Ok(Value::from(
            matches!((outer, strict(call.value())), (Some(o), Some(i)) if o.contains(&i)),
        ))
    }),
    ("in_any_network", |call| any_of(call)),
    ("in_one_network", |call| any_of(call)),
    ("subnet_of", |call| {
        let outer = strict(call.required(0, "network_b")?);
        Ok(Value::from(
            matches!((outer, strict(call.value())), (Some(o), Some(i)) if o.contains(&i)),
        ))
    }),
    ("supernet_of", |call| {
        let inner = strict(call.required(0, "network_b")?);
        Ok(Value::from(
            matches!((strict(call.value()), inner), (Some(o), Some(i)) if o.contains(&i)),
        ))
    }),
    ("ip", |call| Ok(Value::from(strict(call.value()).is_some()))),
    ("ipv4", |call| holds(call, |place| place.ip.is_ipv4())),
    ("ipv6", |call| holds(call, |place| place.ip.is_ipv6())),
    ("ip_address", |call| alone(call, |_| true)),
    ("ipv4_address", |call| alone(call, |ip| ip.is_ipv4())),
    ("ipv6_address", |call| alone(call, |ip| ip.is_ipv6())),
    ("ipv4_netmask", |call| {
        alone(call, |ip| {
            ip.is_ipv4() && mask_length(ip).is_some() && (number(ip) >> 31 == 1 || number(ip) == 0)
        })
    }),
    ("ipv4_hostmask", |call| {
        alone(call, |ip| ip.is_ipv4() && mask_length(ip).is_some() && number(ip) >> 31 == 0)
    }),
    ("ipv6_ipv4_mapped", |call| {
        alone(call, |ip| matches!(ip, IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some()))
    }),
    ("ipv6_sixtofour", |call| alone(call, |ip| within(ip, &["2002::/16"]))),
    ("ipv6_teredo", |call| alone(call, |ip| within(ip, &["2001::/32"]))),
    ("loopback", |call| alone(call, |ip| ip.is_loopback())),
    ("multicast", |call| alone(call, |ip| ip.is_multicast())),
    ("private", |call| {
        alone(call, |ip| !is_global(unmapped(ip)) && !within(ip, &["100.64.0.0/10"]))
    }),
    ("public", |call| alone(call, |ip| is_global(unmapped(ip)))),
    ("reserved", |call| alone(call, |ip| within(ip, RESERVED))),
    ("unspecified", |call| alone(call, |ip| ip.is_unspecified())),
];

/// What the IETF keeps for later.
const RESERVED: &[&str] = &[
    "240.0.0.0/4",
    "::/8",
    "100::/8",
    "200::/7",
    "400::/6",
    "800::/5",
    "1000::/4",
    "4000::/3",
    "6000::/3",
    "8000::/3",
    "a000::/3",
    "c000::/3",
    "e000::/4",
    "f000::/5",
    "f800::/6",
    "fe00::/9",
];

/// The IPv4 address that an IPv6 address stands for, if it does.
fn unmapped(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// A network that begins at its first address, or an address alone.
fn strict(value: &Value) -> Option<Place> {
    let text = value.as_str()?;
    text.split('/').next()?.parse::<IpAddr>().ok()?;
    Place::parse(text).filter(|place| place.ip == place.network())
}

fn holds(call: &Call<'_, '_, '_>, test: fn(&Place) -> bool) -> Result<Value, Error> {
    Ok(Value::from(strict(call.value()).is_some_and(|place| test(&place))))
}

fn alone(call: &Call<'_, '_, '_>, test: fn(IpAddr) -> bool) -> Result<Value, Error> {
    let ip = call.value().as_str().and_then(|text| text.parse::<IpAddr>().ok());
    Ok(Value::from(ip.is_some_and(test)))
}

fn any_of(call: &Call<'_, '_, '_>) -> Result<Value, Error> {
    let networks = call.required(0, "networks")?;
    let networks = items(networks)
        .filter(|_| is_list(networks))
        .ok_or_else(|| failed(format!("`{}` expects a list of networks", call.name)))?;
    let inner = strict(call.value());
    let found =
        networks.iter().filter_map(strict).any(|outer| inner.is_some_and(|i| outer.contains(&i)));
    Ok(Value::from(found))
}
