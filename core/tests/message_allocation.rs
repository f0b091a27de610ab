//! No message makes its receiver allocate more than its own size justifies: counted by an allocator of our own.
#![cfg(all(feature = "std", feature = "derive"))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

use quickcheck::QuickCheck;
use serde::{Deserialize, Serialize};
use tickwire_core::message::{
    Bits, BoundedBytes, BoundedString, BoundedVec, Codec, DecodeError, Json, MessagePack, NetSerialize,
    ScriptValue,
};

thread_local! {
    /// Bytes requested by this thread since the last reset, freed or not, and the largest single request.
    static REQUESTED: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

struct Counting;

fn count(bytes: usize) {
    let _ = REQUESTED.try_with(|cell| {
        let (sum, largest) = cell.get();
        cell.set((sum.saturating_add(bytes), largest.max(bytes)));
    });
}

// SAFETY: every call goes to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Decodes `bytes` as a `T`. Returns the result, the sum of the bytes that decoding requests, and the largest request.
fn decode<C: Codec<T>, T>(bytes: &[u8]) -> (Result<T, DecodeError>, usize, usize) {
    REQUESTED.set((0, 0));
    let result = C::decode(bytes);
    let (sum, largest) = REQUESTED.get();
    (result, sum, largest)
}

/// Nothing but an error's own text may be allocated before a lie is found.
const ERROR: usize = 256;

fn refused<C: Codec<T>, T>(bytes: &[u8]) {
    let (result, sum, _) = decode::<C, T>(bytes);
    assert!(result.is_err());
    assert!(sum <= ERROR, "{sum} bytes for {bytes:?} as {}", std::any::type_name::<T>());
}

#[derive(Serialize, Deserialize)]
struct Inside {
    #[serde(flatten)]
    rest: BTreeMap<String, ScriptValue>,
}

#[test]
fn decoding_a_length_that_exceeds_the_message_allocates_at_most_256_bytes() {
    for claim in [1u32 << 16, 1 << 28, u32::MAX] {
        for marker in [0xdd, 0xdf, 0xc6, 0xdb, 0xc9] {
            let mut bytes = vec![marker];
            bytes.extend_from_slice(&claim.to_be_bytes());
            refused::<MessagePack, Vec<u64>>(&bytes);
            refused::<MessagePack, HashMap<u64, u64>>(&bytes);
            refused::<MessagePack, BTreeMap<u64, u64>>(&bytes);
            refused::<MessagePack, Vec<Vec<Vec<u64>>>>(&bytes);
            refused::<MessagePack, BoundedVec<u64, 0xffff_ffff>>(&bytes);
            refused::<MessagePack, BoundedBytes<0xffff_ffff>>(&bytes);
            refused::<MessagePack, String>(&bytes);
            refused::<MessagePack, ScriptValue>(&bytes);
            refused::<MessagePack, Inside>(&bytes);
        }
    }
}

#[test]
fn decoding_nested_lengths_that_exceed_the_message_allocates_at_most_256_bytes() {
    let mut bytes = Vec::new();
    for _ in 0..3 {
        bytes.extend_from_slice(&[0xdd, 0x00, 0x00, 0x00, 0x04]);
    }
    refused::<MessagePack, Vec<Vec<Vec<u64>>>>(&bytes);
    refused::<MessagePack, ScriptValue>(&bytes);
}

#[test]
fn decoding_a_too_deeply_nested_message_allocates_at_most_256_bytes() {
    let mut bytes = vec![0x91; 700];
    bytes.push(0xc0);
    refused::<MessagePack, ScriptValue>(&bytes);
    refused::<Json, ScriptValue>("[".repeat(100_000).as_bytes());
}

#[test]
fn the_bits_codec_allocates_at_most_256_bytes_for_a_length_that_exceeds_the_message() {
    refused::<Bits, BoundedVec<u64, 0xffff_ffff>>(&[0xff; 4]);
    refused::<Bits, BoundedVec<(), 0xffff_ffff>>(&[0xff; 4]);
    refused::<Bits, BoundedString<0xffff_ffff>>(&[0xff; 4]);
    refused::<Bits, BoundedBytes<0xffff_ffff>>(&[0xff; 4]);
}

#[derive(NetSerialize)]
struct Constant {
    #[net(range = 5..=5)]
    _five: u64,
}

#[test]
fn refusing_too_many_list_items_that_take_no_bits_allocates_at_most_256_bytes() {
    // Each item takes no bit and 8 bytes; the list claims as many as its length can say.
    let (result, sum, _) = decode::<Bits, BoundedVec<Constant, 0xffff>>(&[0xff, 0xff]);
    assert_eq!(result.map(|_| ()), Err(DecodeError::TooManyItems));
    assert!(sum <= ERROR, "{sum}");
    let honest = 1024u16.to_le_bytes();
    let (result, _, largest) = decode::<Bits, BoundedVec<Constant, 0xffff>>(&honest);
    assert_eq!(result.map(|list| list.len()), Ok(1024));
    assert!(largest <= 2048 * 8, "{largest}");
}

/// The most that any one byte of a message may cost to decode, and what a message may cost at all.
const PER_BYTE: usize = 512;
const AT_ALL: usize = 16 << 10;

#[test]
fn decoding_arbitrary_bytes_allocates_in_proportion_to_their_length() {
    fn the_allocation_is_in_proportion(bytes: Vec<u8>) -> bool {
        let most = AT_ALL + PER_BYTE * bytes.len();
        let costs = [
            decode::<MessagePack, ScriptValue>(&bytes).1,
            decode::<MessagePack, Vec<Vec<u64>>>(&bytes).1,
            decode::<MessagePack, HashMap<u8, u64>>(&bytes).1,
            decode::<MessagePack, Inside>(&bytes).1,
            decode::<Json, ScriptValue>(&bytes).1,
            decode::<Bits, BoundedVec<BoundedVec<Option<u64>, 9000>, 9000>>(&bytes).1,
            decode::<Bits, BoundedVec<BoundedString<9000>, 9000>>(&bytes).1,
        ];
        costs.iter().all(|cost| *cost <= most)
    }
    QuickCheck::new().tests(20_000).quickcheck(the_allocation_is_in_proportion as fn(Vec<u8>) -> bool);
}

#[test]
fn decoding_the_most_expensive_valid_messages_allocates_in_proportion_to_their_length() {
    let nils = |count: u16| {
        let mut bytes = vec![0xdc];
        bytes.extend_from_slice(&count.to_be_bytes());
        bytes.resize(3 + usize::from(count), 0xc0);
        bytes
    };
    let bytes = nils(60_000);
    let (result, sum, _) = decode::<MessagePack, ScriptValue>(&bytes);
    assert!(result.is_ok());
    assert!(sum <= AT_ALL + PER_BYTE * bytes.len(), "{sum}");
    let (result, sum, _) = decode::<MessagePack, Vec<Option<u64>>>(&bytes);
    assert!(result.is_ok());
    assert!(sum <= AT_ALL + PER_BYTE * bytes.len(), "{sum}");
}
