//! The SSH wire form (RFC 4251, section 5): a reader that never runs over the end, and a writer.

/// Reads fields from the front of a byte string. `None`: the bytes end too early or are out of form.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(head)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Four bytes of length, then that many bytes.
    pub(crate) fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        self.take(length)
    }

    /// A string that is UTF-8.
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.string()?).ok()
    }

    /// A non-negative `mpint` of at most 256 bits in its one shortest form, left-padded to 32 bytes.
    pub(crate) fn scalar(&mut self) -> Option<[u8; 32]> {
        let bytes = self.string()?;
        let digits = match bytes {
            [0, next, ..] if next & 0x80 != 0 => &bytes[1..],
            [first, ..] if *first != 0 && first & 0x80 == 0 => bytes,
            _ => return None,
        };
        let mut out = [0u8; 32];
        let start = 32usize.checked_sub(digits.len())?;
        out[start..].copy_from_slice(digits);
        Some(out)
    }

    /// Nothing follows.
    pub(crate) fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }
}

/// Appends a string field: length, then bytes. Lengths here are far below 4 GiB.
pub(crate) fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(u32::try_from(bytes.len()).unwrap_or(u32::MAX)).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Appends a non-negative `mpint` in its shortest form.
pub(crate) fn put_scalar(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let digits = &bytes[start..];
    let mut shortest = Vec::with_capacity(digits.len() + 1);
    if digits.first().is_some_and(|first| first & 0x80 != 0) {
        shortest.push(0);
    }
    shortest.extend_from_slice(digits);
    put_string(out, &shortest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_shortest_form_of_a_scalar_is_read() {
        let read = |bytes: &[u8]| {
            let mut field = Vec::new();
            put_string(&mut field, bytes);
            Reader::new(&field).scalar()
        };
        assert!(read(&[0x7f]).is_some());
        assert!(read(&[0x00, 0x80]).is_some());
        for wrong in [&[][..], &[0x00], &[0x00, 0x7f], &[0x80], &[0x01; 33]] {
            assert!(read(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        assert!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 1]).string().is_none());
        assert!(Reader::new(&[0, 0]).u32().is_none());
    }

    proptest! {
        #[test]
        fn scalars_come_back(bytes in any::<[u8; 32]>()) {
            prop_assume!(bytes != [0u8; 32]);
            let mut field = Vec::new();
            put_scalar(&mut field, &bytes);
            prop_assert_eq!(Reader::new(&field).scalar(), Some(bytes));
        }
    }
}
