//! One tree: the leaf with the most to gain is split, until there are enough of them.

use super::Settings;
use super::binned::{Binned, MISSING};

/// Of the loss at a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gradients {
    pub slope: f64,
    pub curvature: f64,
}

#[derive(Clone, Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug)]
enum Node {
    Leaf(f64),
    Split { cut: Cut, left: usize, right: usize },
}

/// Left are the bins up to `last`, and the missing if they do better there.
#[derive(Clone, Copy, Debug)]
struct Cut {
    column: usize,
    last: u8,
    missing_left: bool,
}

impl Cut {
    fn is_left(&self, bin: u8) -> bool {
        if bin == MISSING { self.missing_left } else { bin <= self.last }
    }
}

/// Sums over rows.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    slope: f64,
    curvature: f64,
    rows: u32,
}

impl Cell {
    fn plus(self, other: Cell) -> Cell {
        Cell {
            slope: self.slope + other.slope,
            curvature: self.curvature + other.curvature,
            rows: self.rows + other.rows,
        }
    }

    fn minus(self, other: Cell) -> Cell {
        Cell {
            slope: self.slope - other.slope,
            curvature: self.curvature - other.curvature,
            rows: self.rows - other.rows,
        }
    }

    fn score(self) -> f64 {
        self.slope * self.slope / self.curvature
    }
}

/// LightGBM's `min_sum_hessian_in_leaf`.
const MIN_CURVATURE: f64 = 1e-3;

struct Leaf {
    node: usize,
    rows: Vec<u32>,
    sums: Vec<[Cell; 256]>,
    whole: Cell,
    best: Option<(f64, Cut)>,
}

impl Tree {
    /// Also adds what the tree says to each row's raw prediction.
    pub fn grow(binned: &Binned, gradients: &[Gradients], settings: Settings, raw: &mut [f64]) -> Tree {
        let rows: Vec<u32> = (0..binned.rows as u32).collect();
        let sums = summed(binned, gradients, &rows);
        let mut tree = Tree { nodes: vec![Node::Leaf(0.0)] };
        let mut leaves = vec![Leaf::of(0, rows, sums, whole(gradients), settings)];
        while leaves.len() < settings.leaves {
            let gain = |leaf: &Leaf| leaf.best.map_or(f64::NEG_INFINITY, |(gain, _)| gain);
            // The first of equal ones.
            let at = (0..leaves.len()).reduce(|a, b| if gain(&leaves[b]) > gain(&leaves[a]) { b } else { a });
            let Some((at, cut)) = at.and_then(|at| leaves[at].best.map(|(_, cut)| (at, cut))) else { break };
            let parent = leaves.swap_remove(at);
            leaves.extend(tree.split(parent, cut, binned, gradients, settings));
        }
        for leaf in leaves {
            let value = -settings.rate * leaf.whole.slope / leaf.whole.curvature.max(MIN_CURVATURE);
            tree.nodes[leaf.node] = Node::Leaf(value);
            leaf.rows.iter().for_each(|row| raw[*row as usize] += value);
        }
        tree
    }

    pub fn is_one_leaf(&self) -> bool {
        self.nodes.len() == 1
    }

    pub fn value(&self, binned: &Binned, row: usize) -> f64 {
        let mut at = 0;
        loop {
            match &self.nodes[at] {
                Node::Leaf(value) => return *value,
                Node::Split { cut, left, right } => {
                    at = if cut.is_left(binned.columns[cut.column][row]) { *left } else { *right };
                }
            }
        }
    }

    fn split(
        &mut self,
        parent: Leaf,
        cut: Cut,
        binned: &Binned,
        gradients: &[Gradients],
        settings: Settings,
    ) -> [Leaf; 2] {
        let bins = &binned.columns[cut.column];
        let (left, right): (Vec<u32>, Vec<u32>) = parent.rows.iter().partition(|row| cut.is_left(bins[**row as usize]));
        // The smaller one is summed, the other is what is left.
        let is_left_smaller = left.len() <= right.len();
        let smaller = summed(binned, gradients, if is_left_smaller { &left } else { &right });
        let larger: Vec<[Cell; 256]> = parent.sums.iter().zip(&smaller).map(|(all, some)| less(all, some)).collect();
        let (of_left, of_right) = if is_left_smaller { (smaller, larger) } else { (larger, smaller) };
        let (at_left, at_right) = (self.nodes.len(), self.nodes.len() + 1);
        self.nodes[parent.node] = Node::Split { cut, left: at_left, right: at_right };
        self.nodes.extend([Node::Leaf(0.0), Node::Leaf(0.0)]);
        let sum = |rows: &[u32]| rows.iter().fold(Cell::default(), |sum, row| sum.plus(cell(gradients, *row)));
        let (whole_left, whole_right) = (sum(&left), sum(&right));
        [
            Leaf::of(at_left, left, of_left, whole_left, settings),
            Leaf::of(at_right, right, of_right, whole_right, settings),
        ]
    }
}

impl Leaf {
    fn of(node: usize, rows: Vec<u32>, sums: Vec<[Cell; 256]>, whole: Cell, settings: Settings) -> Leaf {
        let mut best: Option<(f64, Cut)> = None;
        let is_enough = |side: Cell| side.rows >= settings.min_leaf_rows.max(1) && side.curvature >= MIN_CURVATURE;
        for (column, sums) in sums.iter().enumerate() {
            let missing = sums[usize::from(MISSING)];
            let mut below = Cell::default();
            for bin in 1..=255_u8 {
                if sums[usize::from(bin)].rows == 0 {
                    continue;
                }
                below = below.plus(sums[usize::from(bin)]);
                // Without missing rows both ways are the same; the first then stands.
                for missing_left in [false, true] {
                    let left = if missing_left { below.plus(missing) } else { below };
                    if left.rows >= whole.rows {
                        continue;
                    }
                    let right = whole.minus(left);
                    if !is_enough(left) || !is_enough(right) {
                        continue;
                    }
                    let gain = left.score() + right.score() - whole.score();
                    // Less is the rounding of the sums.
                    let least = 1e-9 * whole.curvature.max(whole.score());
                    if gain > best.map_or(least, |(gain, _)| gain) {
                        best = Some((gain, Cut { column, last: bin, missing_left }));
                    }
                }
            }
        }
        Leaf { node, rows, sums, whole, best }
    }
}

fn cell(gradients: &[Gradients], row: u32) -> Cell {
    let Gradients { slope, curvature } = gradients[row as usize];
    Cell { slope, curvature, rows: 1 }
}

fn whole(gradients: &[Gradients]) -> Cell {
    (0..gradients.len() as u32).fold(Cell::default(), |sum, row| sum.plus(cell(gradients, row)))
}

/// By column and bin.
fn summed(binned: &Binned, gradients: &[Gradients], rows: &[u32]) -> Vec<[Cell; 256]> {
    let of = |bins: &Vec<u8>| {
        let mut sums = [Cell::default(); 256];
        for row in rows {
            let Gradients { slope, curvature } = gradients[*row as usize];
            let sum = &mut sums[usize::from(bins[*row as usize])];
            sum.slope += slope;
            sum.curvature += curvature;
            sum.rows += 1;
        }
        sums
    };
    binned.columns.iter().map(of).collect()
}

fn less(all: &[Cell; 256], some: &[Cell; 256]) -> [Cell; 256] {
    std::array::from_fn(|bin| all[bin].minus(some[bin]))
}
