//! The data of a plot.

/// A picture of series of points, each point with an interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// Its id in a page, and the name of its file without the ending.
    pub(crate) key: String,
    pub(crate) title: String,
    pub(crate) x: Scale,
    pub(crate) y: Scale,
    pub(crate) series: Vec<Series>,
    /// What reference series are, for the legend.
    pub(crate) reference: String,
}

impl Plot {
    /// Its id in a page, and the name of its file without the ending.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// An axis of a plot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    pub(crate) title: String,
    pub(crate) logarithmic: bool,
    /// Names at 0, 1, 2, …, for an axis that is no scale.
    pub(crate) names: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    /// The number that gives it its colour and shape. The same name has the same number in all plots of a page.
    pub(crate) place: usize,
    pub(crate) name: String,
    /// Whether this is a reference beside the values: a dashed line without dots.
    pub(crate) is_reference: bool,
    pub(crate) points: Vec<Point>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// The ends of its interval.
    pub(crate) low: f64,
    pub(crate) high: f64,
}
