//! An address and the network it is in, and the arithmetic of both.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// An address with the length of its network's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) ip: IpAddr,
    pub(super) prefix: u8,
}

/// The number of an address.
pub(super) fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => ip.into(),
    }
}

/// The address of a number, in the version of another; none if it is out of range.
pub(super) fn address(number: u128, like: IpAddr) -> Option<IpAddr> {
    match like {
        IpAddr::V4(_) => Some(IpAddr::V4(Ipv4Addr::from(u32::try_from(number).ok()?))),
        IpAddr::V6(_) => Some(IpAddr::V6(Ipv6Addr::from(number))),
    }
}

/// A number some steps away.
pub(super) fn moved(number: u128, step: i128) -> Option<u128> {
    match step < 0 {
        true => number.checked_sub(step.unsigned_abs()),
        false => number.checked_add(step.unsigned_abs()),
    }
}

impl Place {
    /// `10.0.0.1`, `10.0.0.1/8`, `10.0.0.1/255.0.0.0`, or a number and a prefix.
    pub(super) fn parse(text: &str) -> Option<Place> {
        let (head, tail) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let ip: IpAddr = match head.parse() {
            Ok(ip) => ip,
            Err(_) => {
                let number: u128 = head.parse().ok()?;
                let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
                address(number, any)
                    .or_else(|| address(number, IpAddr::V6(Ipv6Addr::UNSPECIFIED)))?
            }
        };
        let width = if ip.is_ipv4() { 32 } else { 128 };
        let Some(tail) = tail else { return Some(Place { ip, prefix: width }) };
        let prefix = match tail.parse::<u8>() {
            Ok(prefix) => prefix,
            Err(_) => {
                let mask: IpAddr = tail.parse().ok()?;
                mask_length(mask).filter(|_| mask.is_ipv4() == ip.is_ipv4())?
            }
        };
        (prefix <= width).then_some(Place { ip, prefix })
    }

    pub(super) fn width(&self) -> u8 {
        if self.ip.is_ipv4() { 32 } else { 128 }
    }

    pub(super) fn version(&self) -> u8 {
        if self.ip.is_ipv4() { 4 } else { 6 }
    }

    pub(super) fn net(&self) -> IpNet {
        match self.ip {
            IpAddr::V4(ip) => Ipv4Net::new(ip, self.prefix).map(IpNet::V4),
            IpAddr::V6(ip) => Ipv6Net::new(ip, self.prefix).map(IpNet::V6),
        }
        .unwrap_or_else(|_| IpNet::from(self.ip))
    }

    pub(super) fn network(&self) -> IpAddr {
        self.net().network()
    }

    pub(super) fn netmask(&self) -> IpAddr {
        self.net().netmask()
    }

    pub(super) fn hostmask(&self) -> IpAddr {
        self.net().hostmask()
    }

    /// The last address; networks of one or two addresses have no broadcast.
    pub(super) fn broadcast(&self) -> Option<IpAddr> {
        (self.width() - self.prefix > 1).then(|| self.net().broadcast())
    }

    /// The number of addresses; of all of IPv6 one less.
    pub(super) fn size(&self) -> u128 {
        1u128.checked_shl(u32::from(self.width() - self.prefix)).unwrap_or(u128::MAX)
    }

    pub(super) fn first(&self) -> u128 {
        number(self.network())
    }

    pub(super) fn last(&self) -> u128 {
        number(self.net().broadcast())
    }

    /// The numbers of the first and the last address that a host can have.
    pub(super) fn usable(&self) -> Option<(u128, u128)> {
        match self.size() {
            1 => None,
            2 => Some((self.first(), self.last())),
            _ => Some((self.first() + 1, self.last() - 1)),
        }
    }

    /// The nth address; negative numbers count from the end.
    pub(super) fn nth(&self, at: i128) -> Option<IpAddr> {
        let found = match at < 0 {
            true => moved(self.last(), at + 1)?,
            false => moved(self.first(), at)?,
        };
        (self.first()..=self.last()).contains(&found).then(|| address(found, self.ip)).flatten()
    }

    pub(super) fn contains(&self, other: &Place) -> bool {
        self.ip.is_ipv4() == other.ip.is_ipv4()
            && self.first() <= other.first()
            && other.last() <= self.last()
    }

    /// `address/prefix`.
    pub(super) fn text(&self) -> String {
        format!("{}/{}", self.ip, self.prefix)
    }

    /// `network/prefix`.
    pub(super) fn subnet(&self) -> String {
        format!("{}/{}", self.network(), self.prefix)
    }
}

/// The length of a netmask's or a hostmask's prefix.
pub(super) fn mask_length(mask: IpAddr) -> Option<u8> {
    let width = if mask.is_ipv4() { 32 } else { 128 };
    let bits = number(mask) << (128 - width);
    let (ones, inverted) = (bits.leading_ones(), !bits);
    if ones > 0 && bits.count_ones() == ones {
        return u8::try_from(ones).ok();
    }
    let zeros = bits.leading_zeros();
    (inverted.leading_ones() == zeros && bits.count_ones() + zeros == width)
        .then(|| u8::try_from(zeros).ok())
        .flatten()
}
