//! Names that look alike: a small table of letters that most fonts draw the same.

use unicode_normalization::UnicodeNormalization;

/// What a name looks like: two names with the same skeleton can be taken for one another.
pub(super) fn skeleton(name: &str) -> String {
    let mut out = String::new();
    for c in name.nfkd().flat_map(char::to_lowercase) {
        match c {
            // Accents, spaces and punctuation are easily overlooked.
            '\u{300}'..='\u{36f}' => {}
            c if !c.is_alphanumeric() => {}
            c => out.push(latin(c)),
        }
    }
    out.replace("rn", "m").replace("vv", "w")
}

/// Whether a word mixes letters of Latin with Cyrillic or Greek ones.
pub(super) fn mixes_scripts(name: &str) -> bool {
    name.split(|c: char| !c.is_alphabetic()).any(|word| {
        let latin = word.chars().any(|c| c.is_ascii_alphabetic() || matches!(c, '\u{c0}'..='\u{24f}'));
        let other = word.chars().any(|c| matches!(c, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}'));
        latin && other
    })
}

/// The Latin letter that a letter or digit is drawn like; itself if there is none.
fn latin(c: char) -> char {
    match c {
        // Cyrillic
        'а' => 'a',
        'в' | 'ь' | 'ъ' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'ё' | 'є' => 'e',
        'һ' | 'н' => 'h',
        'і' | 'ї' | 'ӏ' => 'l',
        'ј' => 'j',
        'к' => 'k',
        'м' => 'm',
        'п' => 'n',
        'о' => 'o',
        'р' => 'p',
        'ԛ' => 'q',
        'г' => 'r',
        'ѕ' => 's',
        'т' => 't',
        'у' | 'ү' => 'y',
        'ѵ' => 'v',
        'ԝ' | 'ш' => 'w',
        'х' => 'x',
        'з' => '3',
        // Greek
        'α' => 'a',
        'β' => 'b',
        'ε' => 'e',
        'η' => 'n',
        'ι' => 'l',
        'κ' => 'k',
        'μ' => 'u',
        'ν' => 'v',
        'ο' | 'σ' => 'o',
        'ρ' => 'p',
        'τ' => 't',
        'υ' => 'y',
        'χ' => 'x',
        'ω' => 'w',
        'γ' => 'y',
        'ζ' => 'z',
        // Digits and Latin letters among themselves
        '0' => 'o',
        '1' | 'i' | 'ı' | '|' => 'l',
        '5' => 's',
        'ø' => 'o',
        'đ' => 'd',
        'ł' => 'l',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_have_one_skeleton_and_others_do_not() {
        for (one, other) in [("Alice", "Аlіcе"), ("Bob Example", "B0b  Éxample"), ("carol", "caroI"), ("Marn", "Mam")]
        {
            assert_eq!(skeleton(one), skeleton(other), "{one} {other}");
        }
        assert_ne!(skeleton("Alice"), skeleton("Alina"));
        assert!(mixes_scripts("Аlice"));
        assert!(!mixes_scripts("Алиса Example"));
    }
}
