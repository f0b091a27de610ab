//! The derive's own copy of the core's bounds, such as those on message names. The core's tests compare both copies.

use syn::{Error, LitStr, Result};

/// `tickwire_core::limits::CHANNELS`.
pub(crate) const CHANNELS: u8 = 32;
/// `tickwire_core::limits::MESSAGE_NAME`.
const NAME_BYTES: usize = 64;

/// A name, if a message may have it.
pub(crate) fn checked(name: LitStr) -> Result<LitStr> {
    let text = name.value();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
    let why = if text.is_empty() {
        "it is empty".to_owned()
    } else if text.len() > NAME_BYTES {
        format!("it has {} bytes", text.len())
    } else if let Some(wrong) = text.chars().find(|one| !one.is_ascii() || !allowed(*one as u8)) {
        format!("it has a {wrong:?}")
    } else {
        return Ok(name);
    };
    let expected = format!(
        "the name is not valid for a message, because {why}; give 1 to {NAME_BYTES} ASCII letters, digits, `_`, `-`, \
        `.` or `/` \
         with `#[net(name = \"…\")]`"
    );
    Err(Error::new(name.span(), expected))
}
