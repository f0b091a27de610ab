#![allow(missing_docs, clippy::all)]
use super::*; use super::ack::*; use super::message::{self, Chain, MessageFrame}; use crate::event::ChannelId;
pub enum Frame<'a> { Padding, Ping, Close{code:u16,text:&'a [u8]}, Challenge([u8;8]), Response([u8;8]), Credit(u64), Ticket{sequence:u64,expiry:u64,sealed:&'a [u8]}, Resume(ResumeFrame<'a>), Ack(AckFrame<'a>), Message(MessageFrame<'a>)}
pub struct ResumeFrame<'a>{pub channel: ChannelId, pub floor: u32, p: Reader<'a>, n: u64}
impl ResumeFrame<'_> { pub fn ranges(&self) -> impl Iterator<Item=(u32,u32)> { let mut p = self.p.clone(); (0..self.n).map(move |_| (p.varint().unwrap() as u32, p.varint().unwrap() as u32)) } }
pub struct FrameReader<'a>(Reader<'a>, Chain);
impl<'a> FrameReader<'a> { pub fn new(b: &'a [u8]) -> Self { Self(Reader::new(b), Chain::default()) }
fn one(&mut self) -> Result<Frame<'a>, Malformed> { let r=&mut self.0; let t = r.u8()?; Ok(match t { 0 => Frame::Padding, 1 => Frame::Ping, 2 => Frame::Close{code:r.u16()?, text:r.sized(256)?}, 3 => Frame::Challenge(r.array()?), 4 => Frame::Response(r.array()?), 5 => Frame::Credit(r.varint()?), 6 => Frame::Ticket{sequence:r.varint()?, expiry:r.u64()?, sealed:r.sized(512)?}, 7 => { let channel=ChannelId(r.u8()?); let floor=r.u24()?; let n=r.varint()?; let p=r.clone(); for _ in 0..2*n { r.varint()?; } Frame::Resume(ResumeFrame{channel,floor,p,n}) }, 0x20..=0x2f => Frame::Ack(AckFrame::read(t, r)?), 0x80.. => Frame::Message(message::read(t, r, &mut self.1)?), _ => return Err(Malformed)})}
}
impl<'a> Iterator for FrameReader<'a> { type Item = Result<Frame<'a>, Malformed>; fn next(&mut self) -> Option<Self::Item> { if self.0.is_empty() { None } else { Some(self.one()) } } }
pub fn write_challenge(w:&mut Writer<'_>, d:&[u8;8]) -> Result<(),NoRoom> {w.u8(3)?; w.bytes(d)}
pub fn write_response(w:&mut Writer<'_>, d:&[u8;8]) -> Result<(),NoRoom> {w.u8(4)?; w.bytes(d)}
pub fn write_close(w:&mut Writer<'_>, c:u16, d:&[u8]) -> Result<(),NoRoom> {w.u8(2)?; w.u16(c)?; w.sized(d)}
pub fn write_ping(w:&mut Writer<'_>) -> Result<(),NoRoom> {w.u8(1)}
pub fn write_padding(w:&mut Writer<'_>, n: usize) { while w.written() < n && w.u8(0).is_ok() {} }
pub fn write_credit(w:&mut Writer<'_>, n: u64) -> Result<(),NoRoom> { let m=w.written(); let r=w.u8(5).and_then(|_| w.varint(n)); if r.is_err() {w.truncate(m)} r}
pub fn write_ticket(w:&mut Writer<'_>, s: u64, e: u64, d:&[u8]) -> Result<(),NoRoom> { let m=w.written(); let r=w.u8(6).and_then(|_| w.varint(s)).and_then(|_| w.u64(e)).and_then(|_| w.sized(d)); if r.is_err() {w.truncate(m)} r}
pub fn write_resume(w:&mut Writer<'_>, c: ChannelId, floor: u32, r: impl Iterator<Item=(u32,u32)>) -> Result<(),NoRoom> { let v: alloc::vec::Vec<_> = r.collect(); let m=w.written(); let mut f=|| { w.u8(7)?; w.u8(c.0)?; w.u24(floor)?; w.varint(v.len() as u64)?; for (a,b) in &v { w.varint(u64::from(*a))?; w.varint(u64::from(*b))?; } Ok(()) }; let r=f(); if r.is_err() {w.truncate(m)} r}
