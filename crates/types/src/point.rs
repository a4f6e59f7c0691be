//! Points as columns: what readers fill and the series codec takes.

/// One logged value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// As the writer said; may be negative, repeat or go back.
    pub step: i64,
    /// Unix seconds; NaN where the source tells no time.
    pub time: f64,
    /// NaN and ±infinity are data.
    pub value: f64,
}

/// Points in the order in which their writer wrote them, one column a field; all of one length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    pub steps: Vec<i64>,
    pub times: Vec<f64>,
    pub values: Vec<f64>,
}

impl Points {
    pub fn with_capacity(n: usize) -> Self {
        Self { steps: Vec::with_capacity(n), times: Vec::with_capacity(n), values: Vec::with_capacity(n) }
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    #[inline]
    pub fn push(&mut self, p: Point) {
        self.steps.push(p.step);
        self.times.push(p.time);
        self.values.push(p.value);
    }

    /// Panics when `i` is out of range, as indexing a slice does.
    pub fn get(&self, i: usize) -> Point {
        Point { step: self.steps[i], time: self.times[i], value: self.values[i] }
    }

    pub fn iter(&self) -> impl Iterator<Item = Point> + '_ {
        (0..self.len()).map(|i| self.get(i))
    }

    pub fn extend(&mut self, other: &Points) {
        self.steps.extend_from_slice(&other.steps);
        self.times.extend_from_slice(&other.times);
        self.values.extend_from_slice(&other.values);
    }

    /// The points `from..to` as columns of their own.
    pub fn slice(&self, from: usize, to: usize) -> Points {
        Points {
            steps: self.steps[from..to].to_vec(),
            times: self.times[from..to].to_vec(),
            values: self.values[from..to].to_vec(),
        }
    }
}

impl FromIterator<Point> for Points {
    fn from_iter<T: IntoIterator<Item = Point>>(iter: T) -> Self {
        let mut out = Points::default();
        for p in iter {
            out.push(p);
        }
        out
    }
}
