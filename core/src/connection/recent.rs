//! The tags of the datagrams sent last, by which an answer to one of them is recognised.

/// Datagrams that are remembered: one round trip's worth at game rates.
const REMEMBERED: usize = 32;

/// A ring of the last eight bytes of recent datagrams.
#[derive(Clone, Debug)]
pub(crate) struct RecentTags {
    tags: [[u8; 8]; REMEMBERED],
    next: usize,
    count: usize,
}

impl Default for RecentTags {
    fn default() -> Self {
        Self { tags: [[0; 8]; REMEMBERED], next: 0, count: 0 }
    }
}

impl RecentTags {
    /// Remembers a datagram by its last eight bytes.
    pub(crate) fn push(&mut self, datagram: &[u8]) {
        let (Some(tag), Some(slot)) = (datagram.last_chunk::<8>(), self.tags.get_mut(self.next)) else {
            return;
        };
        *slot = *tag;
        self.next = (self.next + 1) % REMEMBERED;
        self.count = REMEMBERED.min(self.count + 1);
    }

    /// Whether one of the remembered datagrams ended like this.
    pub(crate) fn contains(&self, tag: &[u8; 8]) -> bool {
        self.tags.iter().take(self.count).any(|known| known == tag)
    }
}
