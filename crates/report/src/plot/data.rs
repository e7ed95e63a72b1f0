//! The data of a plot.

/// A picture of the values of models: bars, or curves over an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// Its id in a page, and the name of its file without the ending.
    pub(crate) key: String,
    pub(crate) title: String,
    /// What its values are, with their unit, and which direction is better.
    pub(crate) measure: String,
    pub(crate) drawing: Drawing,
    /// What a reader must know to read it, a sentence each. They stand below it.
    pub(crate) notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Drawing {
    /// For settings that lie on no axis: a group for each of them.
    Bars(Vec<Group>),
    Curves(Curves),
}

/// Bars that are compared with each other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    /// Empty if there is only one group.
    pub(crate) title: String,
    /// From the top.
    pub(crate) bars: Vec<Bar>,
}

/// The row of a model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bar {
    /// The number that gives it its colour. The same name has the same number in all plots of a page.
    pub(crate) place: usize,
    pub(crate) name: String,
    /// None if there is no value; then the remark has the reason.
    pub(crate) value: Option<Extent>,
    /// The value as it is written, with its unit.
    pub(crate) text: String,
    /// A few words behind the value: `tied`, or why it is not ranked.
    pub(crate) remark: String,
    /// Whether the value is not ranked. Such a bar is grey.
    pub(crate) is_unranked: bool,
    /// What theory predicts.
    pub(crate) expected: Option<f64>,
}

/// A value and the ends of its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Extent {
    pub(crate) middle: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Series of points over an axis, in one panel or in several with the same axes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Curves {
    pub(crate) x: Scale,
    /// Whether equal steps upwards are equal ratios.
    pub(crate) is_logarithmic: bool,
    pub(crate) panels: Vec<Panel>,
    /// What reference series are, for the legend.
    pub(crate) reference: String,
}

/// The horizontal axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    pub(crate) title: String,
    pub(crate) is_logarithmic: bool,
    /// The settings: where they are, and their short names.
    pub(crate) ticks: Vec<(f64, String)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Panel {
    /// Empty if there is only one panel.
    pub(crate) title: String,
    pub(crate) series: Vec<Series>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    /// The number that gives it its colour and shape. The same name has the same number in all plots of a page.
    pub(crate) place: usize,
    pub(crate) name: String,
    /// Whether this is a reference beside the values: a dashed line without dots.
    pub(crate) is_reference: bool,
    /// Why its last value is not ranked, in a few words beside its name. Empty if it is ranked.
    pub(crate) remark: String,
    pub(crate) points: Vec<Point>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// The ends of its interval.
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Whether the value is not ranked. Such a dot is hollow, and lines to it are dotted.
    pub(crate) is_unranked: bool,
    /// Whether the load generator limited the value, so that the server may be faster.
    pub(crate) is_at_least: bool,
    /// Whether it lies beyond the range that matters. The axes leave it out, and an arrow leads there.
    pub(crate) is_beyond: bool,
}

impl Plot {
    /// Its id in a page, and the name of its file without the ending.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Name and place of each model in it, in the order of their places.
    pub(crate) fn models(&self) -> Vec<(&str, usize)> {
        let mut models: Vec<(usize, &str)> = match &self.drawing {
            Drawing::Bars(groups) => {
                let bars = groups.iter().flat_map(|group| &group.bars);
                bars.map(|bar| (bar.place, &*bar.name)).collect()
            }
            Drawing::Curves(curves) => {
                let series = curves.panels.iter().flat_map(|panel| &panel.series);
                series.map(|series| (series.place, &*series.name)).collect()
            }
        };
        models.sort_unstable();
        models.dedup();
        models.into_iter().map(|(place, name)| (name, place)).collect()
    }
}

impl Curves {
    /// The points that the axes show, with those of references.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Point> {
        let series = self.panels.iter().flat_map(|panel| &panel.series);
        series
            .flat_map(|series| &series.points)
            .filter(|point| !point.is_beyond)
    }
}
