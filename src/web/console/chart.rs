//! Charts: where their parts are. The templates draw them as SVG, with a table of the same figures.

/// The size of a chart of bars.
const WIDTH: i64 = 720;
const HEIGHT: i64 = 150;
/// The place below the bars for the names of the axis.
const FOOT: i64 = 18;
/// The place above the bars for the greatest number.
const HEAD: i64 = 14;

/// A bar.
pub(super) struct Bar {
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) width: i64,
    pub(super) height: i64,
    /// What it says, for a pointer and a screen reader.
    pub(super) title: String,
    /// The name below it; empty for most.
    pub(super) name: String,
    pub(super) value: i64,
}

impl Bar {
    /// The middle of the bar, where its name is.
    pub(super) fn middle(&self) -> i64 {
        self.x + self.width / 2
    }
}

/// Bars next to each other.
pub(super) struct Bars {
    pub(super) list: Vec<Bar>,
    pub(super) greatest: i64,
    pub(super) width: i64,
    pub(super) height: i64,
    pub(super) ground: i64,
    /// Times of changes, so that a cause is next to its effect.
    pub(super) marks: Vec<Mark>,
}

/// A line at the time of a change.
pub(super) struct Mark {
    pub(super) x: i64,
    pub(super) title: String,
}

impl Bars {
    /// The same with lines at some places, each a part in a thousand of the width.
    pub(super) fn with_marks(self, marks: impl Iterator<Item = (i64, String)>) -> Self {
        let mark = |(part, title): (i64, String)| Mark { x: part * WIDTH / 1_000, title };
        Self { marks: marks.map(mark).collect(), ..self }
    }

    /// Bars for some values: the title, the name below, and the value of each.
    pub(super) fn new(values: Vec<(String, String, i64)>) -> Self {
        let greatest = values.iter().map(|(.., value)| *value).max().unwrap_or(0).max(1);
        let count = i64::try_from(values.len()).unwrap_or(1).max(1);
        let (step, ground) = (WIDTH / count, HEIGHT - FOOT);
        let width = (step - 3).max(1);
        let bars = values.into_iter().zip(0..).map(|((title, name, value), place)| {
            let height = value.saturating_mul(ground - HEAD) / greatest;
            // A small number is seen too.
            let height = if value > 0 { height.max(2) } else { 1 };
            Bar { x: place * step, y: ground - height, width, height, title, name, value }
        });
        Self {
            list: bars.collect(),
            greatest,
            width: WIDTH,
            height: HEIGHT,
            ground,
            marks: Vec::new(),
        }
    }

    /// True if every value is zero.
    pub(super) fn is_empty(&self) -> bool {
        self.list.iter().all(|bar| bar.value == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_on_the_ground_and_within_the_picture() {
        let value = |value: i64| (String::new(), String::new(), value);
        let bars = Bars::new(vec![value(0), value(1), value(1_000)]);
        for bar in &bars.list {
            assert_eq!(bar.y + bar.height, bars.ground);
            assert!(bar.y >= 0 && bar.x + bar.width <= bars.width);
        }
        assert!(bars.list[1].height >= 2 && !bars.is_empty());
        assert!(Bars::new(Vec::new()).is_empty());
    }
}
