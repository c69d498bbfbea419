//! Swimlanes as SVG: who does and decides what, in order, a lane for each person, lanes side by side by party.
//! Knows rows and marks, and nothing of plans or entries; `picture` and the report fill it.

use crate::base::escape;
use crate::base::html::Html;

/// The style of every page that holds such drawings.
pub const STYLE: &str = include_str!("page.css");

/// Rows of one drawing at most: it must fit on a printed page.
pub const MOST_ROWS: usize = 18;
/// Narrow enough for its text to stay legible on half a screen and on paper.
const WIDTH: i64 = 880;
const TIME: i64 = 112;
const ROW: i64 = 17;
const GAP: i64 = 9;
/// Lanes that are narrower have their names turned upwards, below the party's.
const WIDE: i64 = 80;
/// Characters of such a name: what stands between the party and the lane.
const TURNED: usize = 15;

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The person, or what stands for those who are none.
    pub id: String,
    pub name: String,
    /// Its company; empty for what belongs to none.
    pub party: String,
}

/// What stands in a lane. Each has a shape of its own: colour only repeats what the shape says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    Asked,
    Approved,
    Denied,
    Confirmed,
    Done,
    Undone,
    NotDone,
    Failed,
    Doubt,
    Settled,
    Anchor,
    Hold,
    Wait,
    Glass,
    Said,
    Seat,
    Closed,
}

impl Mark {
    pub const ALL: [Mark; 17] = [
        Mark::Asked,
        Mark::Approved,
        Mark::Denied,
        Mark::Confirmed,
        Mark::Done,
        Mark::Undone,
        Mark::NotDone,
        Mark::Failed,
        Mark::Doubt,
        Mark::Settled,
        Mark::Anchor,
        Mark::Hold,
        Mark::Wait,
        Mark::Glass,
        Mark::Said,
        Mark::Seat,
        Mark::Closed,
    ];

    /// What the legend says.
    pub fn words(&self) -> &'static str {
        match self {
            Mark::Asked => "asks for approval",
            Mark::Approved => "approves",
            Mark::Denied => "denies or revokes",
            Mark::Confirmed => "confirms",
            Mark::Done => "done",
            Mark::Undone => "takes a step back",
            Mark::NotDone => "nothing happened",
            Mark::Failed => "failed or refused",
            Mark::Doubt => "in doubt",
            Mark::Settled => "doubt settled",
            Mark::Anchor => "anchor: a state to come back to",
            Mark::Hold => "a way in: held, proved or released",
            Mark::Wait => "waits",
            Mark::Glass => "breaks the glass: waives approvals",
            Mark::Said => "says or attaches",
            Mark::Seat => "sits down, or leaves",
            Mark::Closed => "closes, or witnesses",
        }
    }
}

/// One thing that happens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub time: String,
    /// In which lanes it happens.
    pub marks: Vec<(usize, Mark)>,
    /// To whom it goes.
    pub to: Vec<usize>,
    pub text: String,
    pub more: String,
    /// From here on there is no way back.
    pub end_of_way_back: bool,
}

/// The lane of `id`, if there is one.
pub fn lane_of(lanes: &[Lane], id: &str) -> Option<usize> {
    lanes.iter().position(|lane| lane.id == id)
}

/// All rows, in as many drawings as fit on pages. `name` must be unique on the page (a literal and numbers).
pub fn draw(html: &mut Html, name: &str, title: &str, lanes: &[Lane], rows: &[Row]) {
    let parts = rows.len().div_ceil(MOST_ROWS).max(1);
    let each = rows.len().div_ceil(parts).max(1);
    for (at, rows) in rows.chunks(each).enumerate() {
        let part = if parts > 1 { format!("{title} (part {} of {parts})", at + 1) } else { title.to_owned() };
        html.el("div", &[("class", "figure")], |div| one(div, &format!("{name}-{at}"), &part, lanes, rows));
    }
}

/// The marks of these rows, with their words.
pub fn legend(html: &mut Html, rows: &[&Row]) {
    let used = |mark: &Mark| rows.iter().any(|row| row.marks.iter().any(|(_, other)| other == mark));
    html.el("ul", &[("class", "legend")], |list| {
        for one in Mark::ALL.iter().filter(|one| used(one)) {
            list.el("li", &[], |item| {
                item.el("svg", &[("viewBox", "-9 -9 18 18"), ("class", "key"), ("aria-hidden", "true")], |svg| {
                    mark(svg, 0, 0, *one);
                });
                item.text(one.words());
            });
        }
        if rows.iter().any(|row| row.end_of_way_back) {
            list.el("li", &[], |item| {
                item.el("svg", &[("viewBox", "0 -9 30 18"), ("class", "key wide"), ("aria-hidden", "true")], |svg| {
                    end_line(svg, 0, 30, 0);
                });
                item.text("point of no return");
            });
        }
    });
}

/// Where things are in one drawing.
struct Grid {
    lane: i64,
    head: i64,
    text: i64,
    /// Characters of a line of text.
    chars: usize,
}

impl Grid {
    fn of(lanes: &[Lane], timed: bool) -> Grid {
        let count = lanes.len().max(1) as i64;
        let lane = (384 / count).clamp(44, 96);
        let head = if lane < WIDE { 140 } else { 52 };
        let left = if timed { TIME } else { 8 };
        let text = left + count * lane + 14;
        Grid { lane, head, text, chars: ((WIDTH - text) * 10 / 75).max(24) as usize }
    }

    fn left(&self, lanes: &[Lane]) -> i64 {
        self.text - 14 - lanes.len().max(1) as i64 * self.lane
    }

    fn x(&self, lanes: &[Lane], at: usize) -> i64 {
        self.left(lanes) + self.lane * at as i64 + self.lane / 2
    }
}

/// One row, its texts broken into lines.
struct Set<'a> {
    row: &'a Row,
    text: Vec<String>,
    more: Vec<String>,
    top: i64,
}

fn one(html: &mut Html, name: &str, title: &str, lanes: &[Lane], rows: &[Row]) {
    let grid = Grid::of(lanes, rows.iter().any(|row| !row.time.is_empty()));
    let mut top = grid.head + 14;
    let mut sets = Vec::new();
    for row in rows {
        // The end of the way back stands in bold letters, which are wider; what is added, in smaller ones.
        let bold = if row.end_of_way_back { grid.chars * 78 / 100 } else { grid.chars };
        let (text, more) = (broken(&row.text, bold, 4), broken(&row.more, grid.chars + grid.chars / 13, 4));
        let lines = (text.len() + more.len()).max(1) as i64;
        sets.push(Set { row, text, more, top });
        top += lines * ROW + GAP;
    }
    let view = format!("0 0 {WIDTH} {}", top + 4);
    let (title_id, desc_id) = (format!("{name}-title"), format!("{name}-desc"));
    let labels = format!("{title_id} {desc_id}");
    html.el("svg", &[("viewBox", &view), ("class", "lanes"), ("role", "img"), ("aria-labelledby", &labels)], |svg| {
        svg.leaf("title", &[("id", &title_id)], title);
        svg.leaf("desc", &[("id", &desc_id)], &described(lanes, rows));
        frame(svg, &grid, lanes, top);
        sets.iter().for_each(|set| row(svg, &grid, lanes, set));
    });
}

/// The drawing in sentences, for those who do not see it.
fn described(lanes: &[Lane], rows: &[Row]) -> String {
    let name = |at: &usize| lanes.get(*at).map_or("", |lane| lane.name.as_str());
    let each = rows.iter().map(|row| {
        let who: Vec<String> = row.marks.iter().map(|(at, mark)| format!("{} ({})", name(at), mark.words())).collect();
        let end = if row.end_of_way_back { " Point of no return." } else { "" };
        format!("{} {}: {}. {}{end}", row.time, who.join(", "), row.text, row.more).trim().to_owned()
    });
    each.collect::<Vec<_>>().join(" ")
}

/// Parties, names and the lanes themselves.
fn frame(svg: &mut Html, grid: &Grid, lanes: &[Lane], bottom: i64) {
    let mut from = 0;
    let mut band = 0;
    while let Some(first) = lanes.get(from) {
        let count = lanes.iter().skip(from).take_while(|lane| lane.party == first.party).count();
        let (x, width) = (grid.left(lanes) + grid.lane * from as i64, grid.lane * count as i64);
        if !first.party.is_empty() {
            let class = if band % 2 == 0 { "band" } else { "band other" };
            rect(svg, class, x + 2, 0, width - 4, bottom);
            let room = ((width - 10) / 7).max(3) as usize;
            label(svg, "party", x + width / 2, 15, &escape::cut(&first.party, room));
            band += 1;
        }
        from += count;
    }
    for (at, lane) in lanes.iter().enumerate() {
        let x = grid.x(lanes, at);
        if grid.lane >= WIDE {
            let room = ((grid.lane - 6) / 7) as usize;
            let lines = broken(&lane.name, room, 2);
            for (line, text) in lines.iter().enumerate() {
                let y = grid.head - 2 - 14 * (lines.len() - 1 - line) as i64;
                label(svg, "name", x, y, text);
            }
        } else {
            let place = format!("translate({} {}) rotate(-90)", x + 4, grid.head);
            svg.leaf("text", &[("class", "name turned"), ("transform", &place)], &escape::cut(&lane.name, TURNED));
        }
        line(svg, "lane", (x, grid.head + 6), (x, bottom));
    }
}

fn row(svg: &mut Html, grid: &Grid, lanes: &[Lane], set: &Set<'_>) {
    let y = set.top + 4;
    let class = if set.row.end_of_way_back { "row end" } else { "row" };
    svg.el("g", &[("class", class)], |g| {
        if !set.row.time.is_empty() {
            let (x, base) = (0.to_string(), (y + 4).to_string());
            g.leaf("text", &[("class", "time"), ("x", &x), ("y", &base)], &set.row.time);
        }
        if set.row.end_of_way_back {
            end_line(g, grid.left(lanes), grid.text - 14, y);
        }
        connections(g, grid, lanes, set.row, y);
        for (at, one) in &set.row.marks {
            mark(g, grid.x(lanes, *at), y, *one);
        }
        let texts = set.text.iter().map(|text| ("what", text)).chain(set.more.iter().map(|text| ("more", text)));
        for (number, (class, text)) in texts.enumerate() {
            let (x, base) = (grid.text.to_string(), (y + 4 + ROW * number as i64).to_string());
            g.leaf("text", &[("class", class), ("x", &x), ("y", &base)], text);
        }
    });
}

/// A line from each mark to whom it goes, with an arrow.
fn connections(g: &mut Html, grid: &Grid, lanes: &[Lane], row: &Row, y: i64) {
    let Some((from, first)) = row.marks.first() else { return };
    let class = if *first == Mark::Asked { "way asked" } else { "way" };
    let from = grid.x(lanes, *from);
    for (at, _) in row.marks.iter().skip(1) {
        line(g, class, (from, y), (grid.x(lanes, *at), y));
    }
    for to in &row.to {
        let to = grid.x(lanes, *to);
        if to == from {
            continue;
        }
        let side = if to > from { 1 } else { -1 };
        line(g, class, (from, y), (to - side * 4, y));
        let d = format!("M{} {} L{} {} L{} {}", to - side * 9, y - 4, to - side * 2, y, to - side * 9, y + 4);
        g.void("path", &[("class", "head"), ("d", &d)]);
    }
}

/// A double line: the way back ends.
fn end_line(svg: &mut Html, from: i64, to: i64, y: i64) {
    line(svg, "stop", (from, y - 2), (to, y - 2));
    line(svg, "stop", (from, y + 2), (to, y + 2));
}

/// One mark, at most 16 wide and high.
fn mark(svg: &mut Html, x: i64, y: i64, mark: Mark) {
    let place = format!("translate({x} {y})");
    svg.el("g", &[("class", class_of(mark)), ("transform", &place)], |g| {
        let mut path = |class: &'static str, d: &str| {
            g.void("path", &[("class", class), ("d", d)]);
        };
        const DISC: &str = "M-7 0 a7 7 0 1 0 14 0 a7 7 0 1 0 -14 0";
        const SMALL: &str = "M-4 0 a4 4 0 1 0 8 0 a4 4 0 1 0 -8 0";
        const SQUARE: &str = "M-6 -6 H6 V6 H-6 Z";
        const DIAMOND: &str = "M0 -8 L8 0 L0 8 L-8 0 Z";
        const CHECK: &str = "M-3.5 0.5 L-1 3 L3.5 -2.5";
        const CROSS: &str = "M-3 -3 L3 3 M-3 3 L3 -3";
        match mark {
            Mark::Asked => path("hollow", DISC),
            Mark::Approved => [("solid", DISC), ("in", CHECK)].iter().for_each(|(class, d)| path(class, d)),
            Mark::Denied => [("solid", DISC), ("in", CROSS)].iter().for_each(|(class, d)| path(class, d)),
            Mark::Confirmed => {
                [("hollow", DISC), ("solid", "M-3 0 a3 3 0 1 0 6 0 a3 3 0 1 0 -6 0")]
                    .iter()
                    .for_each(|(class, d)| path(class, d));
            }
            Mark::Done => path("solid", SQUARE),
            Mark::Undone => path("solid", "M-7 0 L5 -7 V7 Z"),
            Mark::NotDone => path("hollow", SQUARE),
            Mark::Failed => [("solid", SQUARE), ("in", CROSS)].iter().for_each(|(class, d)| path(class, d)),
            Mark::Doubt => {
                [("solid", DIAMOND), ("in", "M-2 -2 a2 2 0 1 1 2.6 2 L0 1.4 M0 3.6 V4.2")]
                    .iter()
                    .for_each(|(class, d)| path(class, d));
            }
            Mark::Settled => [("hollow", DIAMOND), ("thin", CHECK)].iter().for_each(|(class, d)| path(class, d)),
            Mark::Anchor => path(
                "thin",
                "M0 -3 V7 M-3.5 0 H3.5 M-6.5 2 A6.5 5.5 0 0 0 6.5 2 M-1.8 -5 a1.8 1.8 0 1 0 3.6 0 a1.8 1.8 0 1 0 -3.6 0",
            ),
            // A key.
            Mark::Hold => path(
                "thin",
                "M-6.5 0 a2.8 2.8 0 1 0 5.6 0 a2.8 2.8 0 1 0 -5.6 0 M-0.9 0 H7 M7 0 V4 M4 0 V3",
            ),
            Mark::Wait => path("hollow", "M-5 -7 H5 L-5 7 H5 Z"),
            Mark::Glass => {
                [("solid", "M0 -8 L8 6.5 H-8 Z"), ("in", "M0 -3 V1.5 M0 4 V4.2")]
                    .iter()
                    .for_each(|(class, d)| path(class, d));
            }
            Mark::Said => path("solid", SMALL),
            Mark::Seat => path("hollow", SMALL),
            Mark::Closed => {
                [("hollow", DISC), ("solid", "M-5 0 a5 5 0 1 0 10 0 a5 5 0 1 0 -10 0")]
                    .iter()
                    .for_each(|(class, d)| path(class, d));
            }
        }
    });
}

fn class_of(mark: Mark) -> &'static str {
    match mark {
        Mark::Denied | Mark::Failed | Mark::Glass => "mark bad",
        Mark::Doubt | Mark::Settled => "mark doubt",
        Mark::Undone => "mark back",
        Mark::Approved | Mark::Confirmed | Mark::Asked => "mark word",
        Mark::Anchor | Mark::Hold | Mark::Seat | Mark::Wait | Mark::Said => "mark quiet",
        Mark::Done | Mark::NotDone | Mark::Closed => "mark deed",
    }
}

fn line(svg: &mut Html, class: &'static str, from: (i64, i64), to: (i64, i64)) {
    let (x1, y1, x2, y2) = (from.0.to_string(), from.1.to_string(), to.0.to_string(), to.1.to_string());
    svg.void("line", &[("class", class), ("x1", &x1), ("y1", &y1), ("x2", &x2), ("y2", &y2)]);
}

fn rect(svg: &mut Html, class: &'static str, x: i64, y: i64, width: i64, height: i64) {
    let (x, y, width, height) = (x.to_string(), y.to_string(), width.to_string(), height.to_string());
    svg.void("rect", &[("class", class), ("x", &x), ("y", &y), ("width", &width), ("height", &height), ("rx", "4")]);
}

fn label(svg: &mut Html, class: &'static str, x: i64, y: i64, text: &str) {
    let (x, y) = (x.to_string(), y.to_string());
    svg.leaf("text", &[("class", class), ("x", &x), ("y", &y)], text);
}

/// Lines of at most `width` characters (wide ones count twice), broken at spaces where that is possible; of more than
/// `most` lines the rest is cut, and the cut is marked.
fn broken(text: &str, width: usize, most: usize) -> Vec<String> {
    let text = escape::line(text);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        for piece in pieces(word, width) {
            if !line.is_empty() && columns(&line) + 1 + columns(&piece) > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&piece);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            while columns(last) + 2 > width && last.pop().is_some() {}
            last.push_str(" …");
        }
    }
    lines
}

/// A word longer than a line, in parts.
fn pieces(word: &str, width: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    for c in word.chars() {
        if let Some(last) = all.last()
            && columns(last) + columns_of(c) > width
        {
            all.push(String::new());
        }
        if let Some(last) = all.last_mut() {
            last.push(c);
        }
    }
    all
}

fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

fn columns_of(c: char) -> usize {
    if (c as u32) < 0x1100 { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lanes(count: usize) -> Vec<Lane> {
        let party = |at: usize| if at < 2 { "one" } else { "two" }.to_owned();
        (0..count).map(|at| Lane { id: format!("p{at}"), name: format!("Person {at}"), party: party(at) }).collect()
    }

    #[test]
    fn long_drawings_are_cut_into_pages_and_lose_no_row() {
        let rows: Vec<Row> = (0..50)
            .map(|at| Row { text: format!("row-{at}."), marks: vec![(0, Mark::Done)], ..Row::default() })
            .collect();
        let mut html = Html::new();
        draw(&mut html, "x", "Things", &lanes(3), &rows);
        let out = html.finish();
        assert_eq!(out.matches("<svg").count(), 50usize.div_ceil(MOST_ROWS));
        assert!((0..50).all(|at| out.contains(&format!(">row-{at}.<"))));
        assert!(out.contains("part 3 of 3"));
    }

    #[test]
    fn every_mark_has_a_shape_and_words_of_its_own() {
        let drawn = |one: &Mark| {
            let mut html = Html::new();
            mark(&mut html, 0, 0, *one);
            html.finish().split_once('>').unwrap().1.to_owned()
        };
        let shapes: std::collections::BTreeSet<String> = Mark::ALL.iter().map(drawn).collect();
        let words: std::collections::BTreeSet<&str> = Mark::ALL.iter().map(Mark::words).collect();
        assert_eq!((shapes.len(), words.len()), (Mark::ALL.len(), Mark::ALL.len()));
    }

    proptest! {
        #[test]
        fn broken_lines_fit_and_keep_every_character_until_the_cut(text in any::<String>(), width in 8usize..60) {
            let all = broken(&text, width, usize::MAX);
            prop_assert!(all.iter().all(|line| columns(line) <= width));
            let whole: String = escape::line(&text).chars().filter(|c| *c != ' ').collect();
            prop_assert_eq!(all.concat().replace(' ', ""), whole);
            prop_assert!(broken(&text, width, 2).len() <= 2);
        }
    }
}
