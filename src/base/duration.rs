//! Durations as people write them: `30s`, `15m`, `24h`, `4d`, or several parts: `1h30m`.

/// Milliseconds of `text`, or what is wrong with it.
pub fn parse(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is not a duration (write for instance 30s, 15m, 24h or 4d)");
    let mut total: i64 = 0;
    let mut digits = String::new();
    let mut chars = text.chars().peekable();
    if text.is_empty() {
        return Err(wrong());
    }
    while let Some(c) = chars.next() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let unit = match c {
            'm' if chars.peek() == Some(&'s') => {
                chars.next();
                1
            }
            's' => 1_000,
            'm' => 60_000,
            'h' => 3_600_000,
            'd' => 86_400_000,
            _ => return Err(wrong()),
        };
        let count: i64 = digits.parse().map_err(|_| wrong())?;
        digits.clear();
        total = count.checked_mul(unit).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
    }
    if digits.is_empty() { Ok(total) } else { Err(wrong()) }
}

/// The shortest text that [`parse`] reads back, in at most two units: `1h30m`, `4d`, `250ms`.
pub fn show(ms: i64) -> String {
    let ms = ms.max(0);
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let Some(first) = units.iter().position(|(size, _)| ms >= *size) else { return "0s".to_owned() };
    let (size, name) = units[first];
    let mut text = format!("{}{name}", ms / size);
    if let Some((next, next_name)) = units.get(first + 1)
        && (ms % size) / next > 0
        && *next >= 1_000
    {
        text.push_str(&format!("{}{next_name}", (ms % size) / next));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_show() {
        assert_eq!(parse("15m"), Ok(900_000));
        assert_eq!(parse("1h30m"), Ok(5_400_000));
        assert_eq!(parse("250ms"), Ok(250));
        for wrong in ["", "5", "5 minuts", "m", "-1s", "99999999999999999999d"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(show(5_400_000), "1h30m");
        assert_eq!(show(345_600_000), "4d");
        assert_eq!(show(1_500), "1s");
        assert_eq!(show(0), "0s");
    }
}
