//! The derive crate's own copy of the core's limits, such as the lengths of names. Tests of the core compare both copies.

use syn::{Error, LitStr, Result};

/// The number of channels of a connection, equal to `tickwire_core::limits::CHANNELS`.
pub(crate) const CHANNELS: u8 = 32;
/// The largest length of a message's name in bytes, equal to `tickwire_core::limits::MESSAGE_NAME`.
const MESSAGE_BYTES: usize = 64;
/// The largest length of a component's name in bytes, equal to `tickwire_core::limits::COMPONENT_NAME`.
const COMPONENT_BYTES: usize = 54;

/// Checks the name of a message.
pub(crate) fn checked(name: LitStr) -> Result<LitStr> {
    checked_for("message", MESSAGE_BYTES, "name", name)
}

/// Checks the name of a component.
pub(crate) fn of_component(name: LitStr) -> Result<LitStr> {
    checked_for("component", COMPONENT_BYTES, "name", name)
}

/// Checks the name of a group of components.
pub(crate) fn of_group(name: LitStr) -> Result<LitStr> {
    checked_for("group", COMPONENT_BYTES, "group", name)
}

fn checked_for(what: &str, most: usize, attribute: &str, name: LitStr) -> Result<LitStr> {
    let text = name.value();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
    let why = if text.is_empty() {
        "it is empty".to_owned()
    } else if text.len() > most {
        format!("it has {} bytes", text.len())
    } else if let Some(wrong) = text.chars().find(|one| !one.is_ascii() || !allowed(*one as u8)) {
        format!("it contains {wrong:?}")
    } else {
        return Ok(name);
    };
    let expected = format!(
        "the name is not valid for a {what}, because {why}; give 1 to {most} ASCII letters, digits, `_`, `-`, \
         `.` or `/` \
         with `#[net({attribute} = \"…\")]`"
    );
    Err(Error::new(name.span(), expected))
}
