//! What a run logged beside numbers: listed from the store, read from the run's own files when it is looked at.

use crate::App;
use crate::wire::*;
use signalbox_formats::{Histogram, MediaBody, MediaFault, SourceSpec, read_media};
use signalbox_store::MediaRow;

pub(crate) mod images;

/// More items of one tag are thinned out, evenly.
const MAX_ITEMS: usize = 2_000;
/// Histograms over steps are drawn as so many columns of so many cells at most.
const MAX_COLUMNS: usize = 160;
const N_BINS: usize = 64;
/// Texts are handed on cut to so many bytes.
const MAX_TEXT_BYTES: usize = 200_000;

impl App {
    pub(crate) fn media(&self, args: OfMediaTag) -> Result<MediaItems, CallError> {
        let rows = self.media_rows(args.tag)?;
        let n = rows.len();
        let items = thinned(rows, MAX_ITEMS).into_iter().map(entry).collect();
        Ok(MediaItems { items, n: n as u64 })
    }

    pub(crate) fn media_texts(&self, args: MediaTextsQuery) -> Result<Vec<MediaText>, CallError> {
        let rows = self.with_reader(|reader| Ok(reader.media(args.tag)?))?;
        let shown = rows.into_iter().skip(args.offset).take(args.limit.min(200));
        let spec = self.media_source(args.tag)?;
        let text = |row: MediaRow| {
            let (step, time) = (row.item.step, time(&row));
            match body(&spec, row) {
                Ok(MediaBody::Text(text)) => MediaText { step, time, text: cut(text), fault: None },
                Ok(_) => MediaText { step, time, text: String::new(), fault: Some("It is no text.".into()) },
                Err(fault) => MediaText { step, time, text: String::new(), fault: Some(fault.0) },
            }
        };
        Ok(shown.map(text).collect())
    }

    pub(crate) fn histograms(&self, args: OfMediaTag) -> Result<Histograms, CallError> {
        let rows = self.with_reader(|reader| Ok(reader.media(args.tag)?))?;
        let spec = self.media_source(args.tag)?;
        let n = rows.len();
        let (mut steps, mut read, mut fault) = (Vec::new(), Vec::new(), None);
        for row in thinned(rows, MAX_COLUMNS) {
            let step = row.item.step;
            match body(&spec, row) {
                Ok(MediaBody::Histogram(histogram)) => {
                    steps.push(step);
                    read.push(histogram);
                }
                Ok(_) => {}
                Err(why) => fault = Some(why.0),
            }
        }
        let (low, high) = range(&read);
        let counts = read.iter().map(|histogram| rebinned(histogram, low, high)).collect();
        Ok(Histograms { steps, low, high, counts, n: n as u64, fault })
    }

    /// The blob "media": an item's bytes as its writer encoded them.
    pub(crate) fn media_bytes(&self, args: &MediaBlob) -> Result<Vec<u8>, CallError> {
        let key = (args.step, args.part, args.index, args.offset);
        let row = match images::run_of(args.tag) {
            None => self.with_reader(|reader| Ok(reader.media_item(args.tag, key)?))?,
            Some(_) => self.media_rows(args.tag)?.into_iter().find(|row| images::is(row, key)),
        };
        let row = row.ok_or_else(|| CallError::new(ErrorCode::NotFound, "This item is no longer there."))?;
        match body(&self.media_source(args.tag)?, row) {
            Ok(MediaBody::Bytes(bytes)) => Ok(bytes),
            Ok(MediaBody::Text(text)) => Ok(text.into_bytes()),
            Ok(MediaBody::Histogram(_)) => Err(CallError::new(ErrorCode::BadRequest, "A histogram has no bytes.")),
            Err(fault) => Err(CallError::new(ErrorCode::Unreadable, fault.0)),
        }
    }

    /// The source whose run has a tag.
    fn media_source(&self, tag: i64) -> Result<SourceSpec, CallError> {
        let gone = || CallError::new(ErrorCode::NotFound, "This run is no longer there.");
        let listed = images::run_of(tag);
        let id = match listed {
            Some(id) => id,
            None => self.with_reader(|reader| Ok(reader.media_run(tag)?))?.ok_or_else(gone)?,
        };
        let project = self.project_of(id)?;
        let catalogue = project.catalogue();
        let record = catalogue.record(id).ok_or_else(gone)?;
        let rel = match listed {
            Some(_) => images::artifacts(record).ok_or_else(gone)?.into(),
            None => record.origin.rel.clone(),
        };
        Ok(SourceSpec { format: record.origin.format, project: project.root.clone(), rel })
    }

    /// The items of a tag, by step.
    fn media_rows(&self, tag: i64) -> Result<Vec<MediaRow>, CallError> {
        let Some(run) = images::run_of(tag) else {
            return self.with_reader(|reader| Ok(reader.media(tag)?));
        };
        let project = self.project_of(run)?;
        let catalogue = project.catalogue();
        Ok(images::rows(&project.root, &catalogue, tag))
    }
}

fn body(spec: &SourceSpec, row: MediaRow) -> Result<MediaBody, MediaFault> {
    match row.kept {
        Some(text) => Ok(MediaBody::Text(text)),
        None => read_media(spec, &row.item),
    }
}

fn time(row: &MediaRow) -> Option<f64> {
    Some(row.item.time).filter(|time| time.is_finite())
}

fn entry(row: MediaRow) -> MediaEntry {
    MediaEntry {
        step: row.item.step,
        time: time(&row),
        part: row.part,
        index: row.item.index,
        offset: row.item.offset,
        caption: row.item.caption,
        path: row.item.path,
    }
}

/// Evenly chosen ones, the first and the last among them.
fn thinned<T>(list: Vec<T>, most: usize) -> Vec<T> {
    let n = list.len();
    if n <= most {
        return list;
    }
    let mut next = 0;
    let chosen = list.into_iter().enumerate().filter(|(i, _)| {
        let is_chosen = *i == next * (n - 1) / (most - 1);
        next += usize::from(is_chosen);
        is_chosen
    });
    chosen.map(|(_, item)| item).collect()
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        text.push('…');
    }
    text
}

/// The least and the greatest edge of buckets that are not empty.
fn range(histograms: &[Histogram]) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for histogram in histograms {
        for (left, right, _) in buckets(histogram) {
            (low, high) = (low.min(left), high.max(right));
        }
    }
    match low.total_cmp(&high) {
        std::cmp::Ordering::Less => (low, high),
        // One value only: a range around it.
        std::cmp::Ordering::Equal => (low - 0.5, high + 0.5),
        std::cmp::Ordering::Greater => (0.0, 1.0),
    }
}

/// Buckets with a count and finite edges.
fn buckets(histogram: &Histogram) -> impl Iterator<Item = (f64, f64, f64)> + '_ {
    let edges = histogram.lefts.iter().zip(&histogram.rights).zip(&histogram.counts);
    let sound = |left: f64, right: f64, n: f64| n > 0.0 && n.is_finite() && left.is_finite() && right.is_finite();
    edges.map(|((left, right), n)| (left.min(*right), left.max(*right), *n)).filter(move |b| sound(b.0, b.1, b.2))
}

/// The same counts over even bins: a bucket's count is spread evenly between its edges.
fn rebinned(histogram: &Histogram, low: f64, high: f64) -> Vec<f64> {
    let mut bins = vec![0.0; N_BINS];
    // Halves, for a range may be as wide as numbers go.
    let place = |x: f64| ((x / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) * N_BINS as f64).clamp(0.0, N_BINS as f64);
    for (left, right, n) in buckets(histogram) {
        let (from, to) = (place(left), place(right));
        let first = (from as usize).min(N_BINS - 1);
        let last = ((to.ceil() as usize).max(first + 1) - 1).min(N_BINS - 1);
        for (bin, sum) in bins.iter_mut().enumerate().take(last + 1).skip(first) {
            let inside = (to.min(bin as f64 + 1.0) - from.max(bin as f64)).max(0.0);
            *sum += if first == last { n } else { n * inside / (to - from) };
        }
    }
    bins
}

/// What a run's page lists.
pub(crate) fn tag_row(tag: signalbox_store::MediaTag) -> MediaTagRow {
    MediaTagRow {
        tag: tag.id,
        kind: tag.kind,
        name: tag.name,
        n: tag.n,
        first_step: tag.first_step,
        last_step: tag.last_step,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_spread_and_none_is_lost() {
        let histogram = Histogram {
            lefts: vec![0.0, 1.0, 3.0, 3.0, f64::NEG_INFINITY],
            rights: vec![1.0, 3.0, 3.0, 4.0, 0.0],
            counts: vec![2.0, 8.0, 5.0, 0.0, 7.0],
        };
        let (low, high) = range(std::slice::from_ref(&histogram));
        assert_eq!((low, high), (0.0, 3.0));
        let bins = rebinned(&histogram, low, high);
        assert!((bins.iter().sum::<f64>() - 15.0).abs() < 1e-9, "{bins:?}");
        assert_eq!(bins.len(), N_BINS);
        // 8 over two thirds of the bins, and 5 at one place.
        assert!((bins[40] - 8.0 / (N_BINS as f64 * 2.0 / 3.0)).abs() < 1e-9, "{}", bins[40]);
        assert!(bins[N_BINS - 1] > 5.0);
        let wide = Histogram { lefts: vec![-1.7e308], rights: vec![1.7e308], counts: vec![64.0] };
        let bins = rebinned(&wide, -1.7e308, 1.7e308);
        assert!(bins.iter().all(|n| (n - 1.0).abs() < 1e-6), "{bins:?}");
        assert_eq!(range(&[]), (0.0, 1.0));
    }

    #[test]
    fn thinning_keeps_the_ends() {
        let few = thinned((0..10_000).collect(), 160);
        assert_eq!((few.len(), few[0], few[159]), (160, 0, 9_999));
        assert!(few.windows(2).all(|pair| pair[1] - pair[0] >= 62));
        assert_eq!(thinned(vec![1, 2, 3], 3), [1, 2, 3]);
    }
}
