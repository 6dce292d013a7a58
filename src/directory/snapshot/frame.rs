//! Frames: parts of bounded size in the sealed section of a snapshot. Each one is decoded
//! independently.

use std::io::{self, Read, Write};

use serde::Serialize;
use zeroize::Zeroizing;

use crate::directory::snapshot::SnapshotError;

/// The length after which a frame ends, with the current record.
const FRAME_BYTES: usize = 64 << 10;

/// The maximum length of a frame. One record may be long, because a client may have many key sets.
const MAX_FRAME_BYTES: usize = 32 << 20;

/// Type of the records in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A single [`crate::directory::snapshot::other_records::State`], in the first frame.
    State = 1,
    SigningKeys = 2,
    Resources = 3,
    RevokedTokens = 4,
    RevokedClients = 5,
    UsedAssertions = 6,
    /// The methods by which clients may request tokens.
    AllowedMethods = 7,
    Grants = 8,
    Clients = 9,
    /// The last frame. It is empty.
    End = 10,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::State,
        Self::SigningKeys,
        Self::Resources,
        Self::RevokedTokens,
        Self::RevokedClients,
        Self::UsedAssertions,
        Self::AllowedMethods,
        Self::Grants,
        Self::Clients,
        Self::End,
    ];
}

/// Records of one kind, collected until their frame is long enough.
pub(super) struct Frame {
    kind: Kind,
    records: Vec<u8>,
}

impl Frame {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, records: Vec::new() }
    }

    /// Adds a record. True if the frame should be written.
    pub(super) fn add<T: Serialize>(&mut self, record: &T) -> Result<bool, SnapshotError> {
        self.records = postcard::to_extend(record, std::mem::take(&mut self.records))?;
        Ok(self.records.len() >= FRAME_BYTES)
    }

    /// Writes the records, if there are any.
    pub(super) fn flush(&mut self, output: &mut impl Write) -> Result<(), SnapshotError> {
        if self.records.is_empty() {
            return Ok(());
        }
        write(self.kind, &self.records, output)?;
        self.records.clear();
        Ok(())
    }
}

pub(super) fn write_all<T: Serialize>(
    kind: Kind,
    records: impl IntoIterator<Item = T>,
    output: &mut impl Write,
) -> Result<(), SnapshotError> {
    let mut frame = Frame::new(kind);
    for record in records {
        if frame.add(&record)? {
            frame.flush(output)?;
        }
    }
    frame.flush(output)
}

pub(super) fn write_end(output: &mut impl Write) -> Result<(), SnapshotError> {
    write(Kind::End, &[], output)
}

fn write(kind: Kind, records: &[u8], output: &mut impl Write) -> Result<(), SnapshotError> {
    let length = u32::try_from(records.len()).ok().filter(|_| records.len() <= MAX_FRAME_BYTES);
    let length = length.ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "a client is too large for a snapshot")
    })?;
    output.write_all(&[kind as u8])?;
    output.write_all(&length.to_le_bytes())?;
    output.write_all(records)?;
    Ok(())
}

pub(super) fn read(input: &mut impl Read) -> Result<(Kind, Zeroizing<Vec<u8>>), SnapshotError> {
    let mut kind = [0];
    input.read_exact(&mut kind)?;
    let kind = Kind::ALL.into_iter().find(|known| *known as u8 == kind[0]);
    let kind = kind.ok_or_else(|| SnapshotError::damaged("a frame of an unknown kind"))?;
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > MAX_FRAME_BYTES {
        return Err(SnapshotError::damaged("a frame is too long"));
    }
    let mut records = Zeroizing::new(vec![0; length]);
    input.read_exact(&mut records)?;
    Ok((kind, records))
}
