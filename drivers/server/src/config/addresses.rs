//! Serialization of addresses to bind to. A printed address, including its interface, can be used in the configuration.

use std::net::SocketAddr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tickwire_native::{NetworkAddress, ParseAddressError};

use super::check::Objection;
use crate::network::is_link_local;

/// Serialization of an address that the configuration must contain.
pub(super) mod required {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(address: &SocketAddr, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&NetworkAddress::from(*address))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
        read(&String::deserialize(from)?).map_err(de::Error::custom)
    }
}

/// Serialization of an address or null.
pub(super) mod optional {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(address: &Option<SocketAddr>, to: S) -> Result<S::Ok, S::Error> {
        address.map(|address| NetworkAddress::from(address).to_string()).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| read(&text)).transpose().map_err(de::Error::custom)
    }
}

fn read(text: &str) -> Result<SocketAddr, String> {
    let address: NetworkAddress =
        text.parse().map_err(|error: ParseAddressError| error.reason().to_owned())?;
    let is_bare_v6 = !text.starts_with('[') && text.matches(':').count() > 1;
    match address.socket_address() {
        None => Err("the host is a name, and this key accepts only IP addresses".into()),
        Some(at) if !is_bare_v6 && text.trim().ends_with(&format!(":{}", at.port())) => Ok(at),
        Some(_) => Err("the address has no port".into()),
    }
}

/// Returns objections to addresses to which no socket can be bound on any machine.
pub(super) fn objections(bind: SocketAddr, monitoring: Option<SocketAddr>) -> Vec<Objection> {
    let monitoring = monitoring.map(|address| ("monitoring_address", address));
    let all = [("bind_address", bind)].into_iter().chain(monitoring);
    all.filter_map(|(key, at)| objection(key, at)).collect()
}

fn objection(key: &str, at: SocketAddr) -> Option<Objection> {
    let address = NetworkAddress::from(at);
    if let Some(why) = address.why_not_unicast() {
        return Some(Objection {
            key: key.into(),
            what: format!("is {address}, {why}"),
            remedy: "set it to an address of this machine, or to [::], which stands for all addresses".into(),
        });
    }
    match at {
        SocketAddr::V6(v6) if is_link_local(*v6.ip()) && v6.scope_id() == 0 => Some(Objection {
            key: key.into(),
            what: format!("is {address}, a link-local address without its interface"),
            remedy: format!(
                "set it to [{}%INTERFACE]:{} with the interface's name or number",
                v6.ip(),
                v6.port()
            ),
        }),
        _ => None,
    }
}
