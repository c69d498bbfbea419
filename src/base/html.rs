//! HTML and SVG in which every text from outside is inert (P12): the only way to put text in is [`Html::text`] or
//! an attribute's value, and both escape. Names of elements and attributes are literals of this program; there is
//! no way to add raw markup, a script, a style attribute or an address.

use super::escape;

/// A page, or a part of one, as it grows. Elements close by themselves.
#[derive(Clone, Debug, Default)]
pub struct Html {
    out: String,
}

/// An element's attributes. Values may be anything: they are escaped.
pub type Attributes<'a> = &'a [(&'static str, &'a str)];

impl Html {
    /// An empty page.
    pub fn new() -> Html {
        Html::default()
    }

    /// What was written.
    pub fn finish(self) -> String {
        self.out
    }

    /// Text: characters that could act are shown as their code points, those that mean something to HTML as entities.
    pub fn text(&mut self, text: &str) -> &mut Html {
        push(&mut self.out, &escape::line(text));
        self
    }

    /// An element with what `inside` writes.
    pub fn el(&mut self, name: &'static str, attributes: Attributes<'_>, inside: impl FnOnce(&mut Html)) -> &mut Html {
        self.open(name, attributes);
        inside(self);
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
        if ends_line(name) {
            self.out.push('\n');
        }
        self
    }

    /// An element that holds only text.
    pub fn leaf(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) -> &mut Html {
        self.el(name, attributes, |inside| {
            inside.text(text);
        })
    }

    /// An element without an end: `meta`, `br`, and in SVG `path` and the like, which are closed.
    pub fn void(&mut self, name: &'static str, attributes: Attributes<'_>) -> &mut Html {
        self.open(name, attributes);
        if !matches!(name, "meta" | "br" | "wbr") {
            self.out.pop();
            self.out.push_str("/>");
        }
        self
    }

    /// The whole document: `<!doctype html>`, a policy that forbids everything but this style, then `body`.
    /// `style` is a literal of this program, and the policy names its digest.
    pub fn document(title: &str, style: &'static str, body: impl FnOnce(&mut Html)) -> String {
        use base64::Engine as _;
        let digest = base64::engine::general_purpose::STANDARD.encode(super::Digest::of(style.as_bytes()).0);
        let policy = format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'");
        let mut page = Html { out: "<!doctype html>\n".to_owned() };
        page.el("html", &[("lang", "en")], |html| {
            html.el("head", &[], |head| {
                head.void("meta", &[("charset", "utf-8")]);
                head.void("meta", &[("http-equiv", "Content-Security-Policy"), ("content", &policy)]);
                head.void("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
                head.void("meta", &[("name", "referrer"), ("content", "no-referrer")]);
                head.void("meta", &[("name", "color-scheme"), ("content", "light dark")]);
                head.leaf("title", &[], title);
                head.out.push_str("<style>");
                head.out.push_str(style);
                head.out.push_str("</style>\n");
            });
            html.el("body", &[], body);
        });
        page.finish()
    }

    fn open(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.out.push('<');
        self.out.push_str(name);
        for (name, value) in attributes {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            push(&mut self.out, &escape::line(value));
            self.out.push('"');
        }
        self.out.push('>');
    }
}

/// Only so that the source can be read and compared line by line.
fn ends_line(name: &str) -> bool {
    matches!(
        name,
        "html" | "head" | "title" | "section" | "tr" | "table" | "p" | "li" | "g" | "svg" | "h1" | "h2" | "h3"
    )
}

fn push(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_and_values_stay_text() {
        let mut html = Html::new();
        html.el("p", &[("class", "a\" onload=\"b")], |p| {
            p.text("</p><script>alert('1')</script>\u{202e}\n&amp;");
        });
        assert_eq!(
            html.finish(),
            "<p class=\"a&quot; onload=&quot;b\">&lt;/p&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;\
             \\u{202e}\\u{a}&amp;amp;</p>\n"
        );
    }

    proptest! {
        #[test]
        fn no_text_opens_or_ends_anything(text in any::<String>()) {
            let mut html = Html::new();
            html.text(&text);
            let out = html.finish();
            prop_assert!(!out.contains(['<', '>', '"', '\'']));
            prop_assert!(out.chars().all(escape::is_harmless));
        }
    }
}
