//! Changes to bytes as accidents and liars make them: bits, words, fields, lines, pieces of other texts, and much of
//! one thing. What is drawn follows from a number alone, so that every input can be made again.

use std::ops::Range;

use data_encoding::BASE64;

/// Numbers that look random and follow from the first one.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    /// Those of one execution of one target.
    pub(crate) fn of(seed: u64, target: &str, execution: u64) -> Self {
        let name = target.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| mixed(hash ^ u64::from(byte)));
        Self(mixed(mixed(seed ^ name).wrapping_add(execution)))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// A number below this one; 0 where that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let wide = u128::from(self.next()) * end as u128;
        usize::try_from(wide >> 64).unwrap()
    }

    /// Whether, in one of so many cases.
    pub(crate) fn one_in(&mut self, cases: usize) -> bool {
        self.below(cases) == 0
    }

    pub(crate) fn pick<'t, T: ?Sized>(&mut self, from: &'t [Box<T>]) -> &'t T {
        &from[self.below(from.len())]
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

const fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// No input becomes longer.
const LONGEST: usize = 1 << 20;

/// What numbers are replaced with.
pub(crate) const NUMBERS: [&str; 14] = [
    "0",
    "-1",
    "1",
    "127",
    "65536",
    "2147483648",
    "4294967295",
    "9007199254740993",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "-0.0",
    "99999999999999999999999999999999999999999",
];

/// What is put in anywhere.
const ODD: [&[u8]; 26] = [
    b"\0",
    b"\n",
    b"\r\n",
    b" ",
    b"  ",
    b"\t",
    b"\"",
    b"\\",
    b"'",
    b",",
    b":",
    b"{",
    b"}",
    b"[",
    b"]",
    b"-",
    b".",
    b"null",
    b"\xff",
    b"\xc3",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b"\x1b[2J",
    b"\\u0000",
    b"\\ud800",
    b"../../x",
];

/// Where fields end.
const ENDS: &[u8] = b" \n\t,:;\"|/={}[]";

/// Texts of one kind, and words that matter in them.
pub(crate) struct Corpus {
    texts: Vec<Box<[u8]>>,
    words: Vec<Box<[u8]>>,
}

impl Corpus {
    pub(crate) fn new<T: Into<Vec<u8>>>(texts: impl IntoIterator<Item = T>, words: &[&str]) -> Self {
        let texts: Vec<Box<[u8]>> = texts.into_iter().map(|text| text.into().into_boxed_slice()).collect();
        assert!(!texts.is_empty(), "there is nothing to begin with");
        Self { texts, words: words.iter().map(|word| word.as_bytes().into()).collect() }
    }

    pub(crate) fn text(&self, rng: &mut Rng) -> Vec<u8> {
        rng.pick(&self.texts).to_vec()
    }

    /// One of the texts, changed in a few places; now and then any bytes at all.
    pub(crate) fn changed(&self, rng: &mut Rng) -> Vec<u8> {
        if rng.one_in(64) {
            let count = rng.below(300);
            return rng.bytes(count);
        }
        let mut text = self.text(rng);
        self.change(rng, &mut text);
        text
    }

    /// Changes a text in a few places.
    pub(crate) fn change(&self, rng: &mut Rng, text: &mut Vec<u8>) {
        loop {
            self.change_once(rng, text);
            text.truncate(LONGEST);
            if rng.one_in(2) {
                return;
            }
        }
    }

    fn change_once(&self, rng: &mut Rng, text: &mut Vec<u8>) {
        match rng.below(17) {
            0 => flip(rng, text),
            1 => {
                let at = rng.below(text.len());
                let byte = rng.next().to_le_bytes()[0];
                text.get_mut(at..).into_iter().flatten().take(1).for_each(|place| *place = byte);
            }
            2 => put(text, rng_place(rng, text), ODD[rng.below(ODD.len())]),
            3 => put(text, rng_place(rng, text), self.word(rng)),
            4 => drop(text.drain(some(rng, text))),
            5 => {
                let piece = text[some(rng, text)].to_vec();
                put(text, rng_place(rng, text), &piece);
            }
            6 => text.truncate(rng.below(text.len() + 1)),
            7 => {
                let other = rng.pick(&self.texts);
                text.truncate(rng.below(text.len() + 1));
                text.extend_from_slice(&other[rng.below(other.len() + 1)..]);
            }
            8 => long_run(rng, text),
            9 => nested(rng, text),
            10 => number(rng, text),
            11 => self.inside_base64(rng, text),
            12 => {
                let field = around(text, rng.below(text.len() + 1), ENDS);
                text.splice(field, self.word(rng).iter().copied());
            }
            13 | 14 => rearrange(rng, text, ENDS),
            _ => rearrange(rng, text, b"\n"),
        }
    }

    fn word<'t>(&'t self, rng: &mut Rng) -> &'t [u8] {
        if self.words.is_empty() || rng.one_in(4) {
            return NUMBERS[rng.below(NUMBERS.len())].as_bytes();
        }
        rng.pick(&self.words)
    }

    /// Changes what a field `.BASE64` holds.
    fn inside_base64(&self, rng: &mut Rng, text: &mut Vec<u8>) {
        let from = rng.below(text.len() + 1);
        let Some(dot) = text[from..].windows(2).position(|pair| pair == b" .") else { return };
        let field = around(text, from + dot + 2, b" \n");
        let Ok(mut content) = BASE64.decode(&text[field.start + 1..field.end]) else { return };
        if content.len() < LONGEST / 2 {
            self.change(rng, &mut content);
        }
        text.splice(field.start + 1..field.end, BASE64.encode(&content).into_bytes());
    }
}

/// A place in a text, or its end.
fn rng_place(rng: &mut Rng, text: &[u8]) -> usize {
    rng.below(text.len() + 1)
}

fn put(text: &mut Vec<u8>, at: usize, piece: &[u8]) {
    text.splice(at..at, piece.iter().copied());
}

/// Some of a text: mostly little.
fn some(rng: &mut Rng, text: &[u8]) -> Range<usize> {
    let start = rng_place(rng, text);
    let most = if rng.one_in(4) { text.len() - start } else { (text.len() - start).min(16) };
    start..start + rng.below(most + 1)
}

fn flip(rng: &mut Rng, text: &mut [u8]) {
    let at = rng.below(text.len());
    if let Some(byte) = text.get_mut(at) {
        *byte ^= 1 << rng.below(8);
    }
}

/// Much of one byte; rarely very much.
fn long_run(rng: &mut Rng, text: &mut Vec<u8>) {
    let bits = if rng.one_in(200) { 18 } else { 11 };
    let most = 1 << rng.below(bits + 1);
    let count = rng.below(most) + 1;
    let byte = ODD[rng.below(ODD.len())][0];
    let at = rng_place(rng, text);
    text.splice(at..at, std::iter::repeat_n(byte, count));
}

/// Depth, closed or not.
fn nested(rng: &mut Rng, text: &mut Vec<u8>) {
    let bits = if rng.one_in(50) { 16 } else { 9 };
    let depth = 1 << rng.below(bits);
    let (open, close) = [("[", "]"), ("{\"a\":", "}"), ("(", ")"), ("$(", ")")][rng.below(4)];
    let middle = if rng.one_in(2) { "1" } else { "" };
    let ends = if rng.one_in(2) { close.repeat(depth) } else { String::new() };
    let piece = format!("{}{middle}{ends}", open.repeat(depth));
    let field = around(text, rng_place(rng, text), ENDS);
    text.splice(field, piece.into_bytes());
}

/// Another number in a number's place.
fn number(rng: &mut Rng, text: &mut Vec<u8>) {
    let from = rng_place(rng, text);
    let Some(start) = text[from..].iter().position(u8::is_ascii_digit) else { return };
    let start = from + start;
    let length = text[start..].iter().position(|byte| !byte.is_ascii_digit());
    let end = length.map_or(text.len(), |length| start + length);
    text.splice(start..end, NUMBERS[rng.below(NUMBERS.len())].bytes());
}

/// The field at a place.
fn around(text: &[u8], at: usize, ends: &[u8]) -> Range<usize> {
    let is_end = |byte: &u8| ends.contains(byte);
    let start = text[..at].iter().rposition(is_end).map_or(0, |end| end + 1);
    let end = text[at..].iter().position(is_end).map_or(text.len(), |length| at + length);
    start..end
}

/// Fields or lines that are cut, doubled, swapped, or stand in another one's place.
fn rearrange(rng: &mut Rng, text: &mut Vec<u8>, ends: &[u8]) {
    let [one, two] = [(); 2].map(|()| around(text, rng_place(rng, text), ends));
    let [first, second] = [&one, &two].map(|field| text[field.clone()].to_vec());
    match rng.below(4) {
        0 => drop(text.drain(one.start..(one.end + 1).min(text.len()))),
        1 => {
            let end = text.get(one.end).copied().unwrap_or(b'\n');
            put(text, one.start, &[&first[..], &[end]].concat());
        }
        2 => drop(text.splice(two, first)),
        // The later one first, so that the other still stands where it stood.
        _ if one.end <= two.start => {
            text.splice(two, first);
            text.splice(one, second);
        }
        _ => drop(text.splice(one, second)),
    }
}
