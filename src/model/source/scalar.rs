//! What an unquoted scalar means.

use super::Yaml;

/// By which rules unquoted scalars are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalars {
    /// YAML 1.1 as Ansible reads it: `0644` is 420, `yes` is true, `1e3` and dates are text.
    Yaml11,
}

impl Scalars {
    /// The meaning of an unquoted scalar.
    pub(super) fn resolve(self, text: &str) -> Yaml {
        let Self::Yaml11 = self;
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Yaml::Null,
            "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Yaml::Bool(true),
            "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Yaml::Bool(false),
            _ => int(text)
                .map(Yaml::Int)
                .or_else(|| float(text).map(Yaml::Float))
                .unwrap_or_else(|| Yaml::String(text.to_owned())),
        }
    }
}

fn sign(text: &str) -> (&str, bool) {
    match text.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    }
}

/// An integer; one that 64 bits cannot hold stays text.
fn int(text: &str) -> Option<i64> {
    let (digits, negative) = sign(text);
    let value = if let Some(binary) = digits.strip_prefix("0b") {
        radix(binary, 2)
    } else if let Some(hex) = digits.strip_prefix("0x") {
        radix(hex, 16)
    } else if digits == "0" {
        Some(0)
    } else if let Some(octal) = digits.strip_prefix('0') {
        if octal.bytes().all(|b| b == b'_') { (!octal.is_empty()).then_some(0) } else { radix(octal, 8) }
    } else if let Some((first, rest)) = digits.split_once(':') {
        sexagesimal(radix(first, 10)?, rest)
    } else {
        radix(digits, 10)
    }?;
    Some(if negative { -value } else { value })
}

fn radix(text: &str, radix: u32) -> Option<i64> {
    if radix == 10 && text.starts_with('_') || !text.chars().all(|c| c == '_' || c.is_digit(radix)) {
        return None;
    }
    i64::from_str_radix(&text.replace('_', ""), radix).ok()
}

/// `1:30` is 90, as YAML 1.1 has it.
fn sexagesimal(first: i64, rest: &str) -> Option<i64> {
    rest.split(':').try_fold(first, |sum, part| sum.checked_mul(60)?.checked_add(i64::from(sixtieth(part)?)))
}

fn sixtieth(part: &str) -> Option<u8> {
    let plain = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    part.parse().ok().filter(|value| plain && *value < 60)
}

fn float(text: &str) -> Option<f64> {
    let (digits, negative) = sign(text);
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(f64::NAN);
    }
    let (whole, fraction) = digits.split_once('.')?;
    // PyYAML takes no sign before a bare fraction: `-.5` is text.
    if whole.is_empty() && digits != text {
        return None;
    }
    let value = if whole.contains(':') { base_sixty(whole, fraction) } else { decimal(whole, fraction) }?;
    Some(if negative { -value } else { value })
}

fn decimal(whole: &str, fraction: &str) -> Option<f64> {
    let (fraction, exponent) = match fraction.split_once(['e', 'E']) {
        Some((fraction, exponent)) => (fraction, Some(exponent)),
        None => (fraction, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let exponent_ok = exponent.is_none_or(|exponent| {
        exponent
            .strip_prefix(['-', '+'])
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    });
    let starts = if whole.is_empty() { fraction } else { whole };
    if !digits(whole)
        || !digits(fraction)
        || !exponent_ok
        || !starts.starts_with(|c: char| c.is_ascii_digit())
    {
        return None;
    }
    let exponent = exponent.map(|exponent| format!("e{exponent}")).unwrap_or_default();
    format!("0{whole}.{fraction}0{exponent}").replace('_', "").parse().ok()
}

/// `1:30.5` is 90.5, as YAML 1.1 has it.
fn base_sixty(whole: &str, fraction: &str) -> Option<f64> {
    let (first, rest) = whole.split_once(':')?;
    let first = radix(first, 10)?;
    let seconds = sexagesimal(first, rest)?;
    decimal(&seconds.to_string(), fraction).filter(|_| !fraction.contains(['e', 'E']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Yaml {
        Yaml::String(text.to_owned())
    }

    #[test]
    fn scalars_are_read_as_ansible_reads_them() {
        for (input, expected) in [
            ("0644", Yaml::Int(420)),
            ("0640", Yaml::Int(416)),
            ("0o644", text("0o644")),
            ("08", text("08")),
            ("0x1F", Yaml::Int(31)),
            ("0b101", Yaml::Int(5)),
            ("1_000", Yaml::Int(1000)),
            ("_1", text("_1")),
            ("-12", Yaml::Int(-12)),
            ("+12", Yaml::Int(12)),
            ("0", Yaml::Int(0)),
            ("0_", Yaml::Int(0)),
            ("00", Yaml::Int(0)),
            ("1:30", Yaml::Int(90)),
            ("22:22", Yaml::Int(1342)),
            ("1:60", text("1:60")),
            ("9223372036854775808", text("9223372036854775808")),
            ("1.10", Yaml::Float(1.1)),
            ("1.", Yaml::Float(1.0)),
            (".5", Yaml::Float(0.5)),
            ("-.5", text("-.5")),
            ("1.5e+3", Yaml::Float(1500.0)),
            ("1.5e3", text("1.5e3")),
            ("1e3", text("1e3")),
            ("1_0.5_0", Yaml::Float(10.5)),
            ("1:30.5", Yaml::Float(90.5)),
            ("01:30.5", Yaml::Float(90.5)),
            (".", text(".")),
            ("-.inf", Yaml::Float(f64::NEG_INFINITY)),
            ("1.2.3", text("1.2.3")),
            ("yes", Yaml::Bool(true)),
            ("Off", Yaml::Bool(false)),
            ("y", text("y")),
            ("tRUE", text("tRUE")),
            ("~", Yaml::Null),
            ("", Yaml::Null),
            ("None", text("None")),
            ("2026-11-20", text("2026-11-20")),
            ("-", text("-")),
            ("0x", text("0x")),
        ] {
            assert_eq!(Scalars::Yaml11.resolve(input), expected, "{input:?}");
        }
    }
}
