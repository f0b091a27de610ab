//! MESSAGE frames: the payload of a channel, whole or in fragments.
