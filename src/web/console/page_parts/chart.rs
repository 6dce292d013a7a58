//! Layout of charts. The templates draw them as SVG, with a table of the same figures.

/// The size of a bar chart.
const WIDTH: i64 = 720;
const HEIGHT: i64 = 170;
/// The space below the bars for axis labels.
const FOOT: i64 = 20;
/// The space above the bars for markers and the maximum.
const HEAD: i64 = 24;

pub(in crate::web::console) struct Column {
    /// The label below the bar; empty for most bars.
    pub(in crate::web::console) name: String,
    /// The text for the tooltip and the table.
    pub(in crate::web::console) title: String,
    /// The values of the segments, from bottom to top.
    pub(in crate::web::console) values: Vec<i64>,
}

/// A segment of a bar.
pub(in crate::web::console) struct BarSegment {
    pub(in crate::web::console) y: i64,
    pub(in crate::web::console) height: i64,
    /// The index of the segment, which determines its color.
    pub(in crate::web::console) number: usize,
}

pub(in crate::web::console) struct Bar {
    pub(in crate::web::console) x: i64,
    pub(in crate::web::console) width: i64,
    pub(in crate::web::console) parts: Vec<BarSegment>,
    pub(in crate::web::console) column: Column,
    pub(in crate::web::console) total: i64,
}

impl Bar {
    /// Returns the middle of the bar, where its label is.
    pub(in crate::web::console) fn middle(&self) -> i64 {
        self.x + self.width / 2
    }
}

/// A marker of an event on the time axis.
pub(in crate::web::console) struct Marker {
    pub(in crate::web::console) x: i64,
    pub(in crate::web::console) title: String,
}

/// A stacked bar chart.
pub(in crate::web::console) struct Bars {
    pub(in crate::web::console) list: Vec<Bar>,
    pub(in crate::web::console) markers: Vec<Marker>,
    pub(in crate::web::console) greatest: i64,
    pub(in crate::web::console) width: i64,
    pub(in crate::web::console) height: i64,
    pub(in crate::web::console) ground: i64,
    pub(in crate::web::console) head: i64,
}

impl Bars {
    pub(in crate::web::console) fn new(columns: Vec<Column>) -> Self {
        let total = |column: &Column| column.values.iter().sum::<i64>();
        let greatest = columns.iter().map(total).max().unwrap_or(0).max(1);
        let count = i64::try_from(columns.len()).unwrap_or(1).max(1);
        let (step, ground) = (WIDTH / count, HEIGHT - FOOT);
        let width = (step - 5).max(1);
        let bars = columns.into_iter().zip(0..).map(|(column, place)| {
            let total = total(&column);
            let parts = parts(&column.values, total, greatest, ground);
            Bar { x: place * step, width, parts, column, total }
        });
        let list = bars.collect();
        let markers = Vec::new();
        Self { list, markers, greatest, width: WIDTH, height: HEIGHT, ground, head: HEAD }
    }

    /// Adds a marker at the position `part` of `whole` on the axis.
    pub(in crate::web::console) fn mark(&mut self, part: i64, whole: i64, title: String) {
        let x = WIDTH.saturating_mul(part) / whole.max(1);
        self.markers.push(Marker { x: x.clamp(6, WIDTH - 6), title });
    }

    pub(in crate::web::console) fn is_empty(&self) -> bool {
        self.list.iter().all(|bar| bar.total == 0)
    }
}

/// Stacks the segments of a bar. Small values get a minimum height, so that they stay visible.
fn parts(values: &[i64], total: i64, greatest: i64, ground: i64) -> Vec<BarSegment> {
    if total == 0 {
        return Vec::new();
    }
    let height = (total.saturating_mul(ground - HEAD) / greatest).max(3);
    let (mut sum, mut top) = (0, ground);
    let mut parts = Vec::new();
    for (number, value) in values.iter().enumerate().filter(|(_, value)| **value > 0) {
        sum += value;
        let y = ground - height.saturating_mul(sum) / total;
        parts.push(BarSegment { y, height: (top - y).max(1), number });
        top = y;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: &[i64]) -> Column {
        Column { name: String::new(), title: String::new(), values: values.to_vec() }
    }

    #[test]
    fn bars_start_at_the_baseline_and_fit_the_picture() {
        let bars = Bars::new(vec![column(&[0, 0]), column(&[0, 1]), column(&[700, 300])]);
        assert!(bars.list[0].parts.is_empty());
        for bar in &bars.list[1..] {
            let (first, last) = (bar.parts.first().unwrap(), bar.parts.last().unwrap());
            assert_eq!(first.y + first.height, bars.ground);
            assert!(last.y >= bars.head && bar.x + bar.width <= bars.width);
        }
        let [lower, upper] = &bars.list[2].parts[..] else { panic!("two parts") };
        assert_eq!(upper.y + upper.height, lower.y);
        assert!(lower.height > 2 * upper.height);
        assert!(bars.list[1].parts[0].height >= 3 && !bars.is_empty());
        assert!(Bars::new(Vec::new()).is_empty());
    }

    #[test]
    fn a_marker_is_at_its_time_and_within_the_picture() {
        let mut bars = Bars::new(vec![column(&[1])]);
        for (part, x) in [(0, 6), (50, WIDTH / 2), (100, WIDTH - 6)] {
            bars.mark(part, 100, String::new());
            assert_eq!(bars.markers.last().unwrap().x, x);
        }
    }
}
