//! Giving free pages back, where the disk has the room that this takes itself.

use crate::app::App;
use crate::wire::*;
use rustix::fs::statvfs;
use signalbox_store::{CellStore, Compacting, Store, temporary_folder};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::TryLockError;
use std::thread;
use std::time::Duration;

const STEP: Duration = Duration::from_millis(15);
const PAUSE: Duration = Duration::from_millis(5);

impl App {
    pub(super) fn compact_state(&self) -> Result<CompactState, CallError> {
        let plan = self.write(|store| store.compacting())?;
        let (here, there) = self.room_on_disk();
        let refused = plan.allowed(here, there).err();
        Ok(CompactState {
            free_bytes: plan.free,
            in_steps: plan.in_steps,
            needs_bytes: plan.needs_here + plan.needs_there,
            hint: refused.as_ref().map(|e| e.hint().to_owned()),
            refused: refused.map(|e| sentence(&e.to_string())),
        })
    }

    /// Beside everything else, but where the file has to be written anew once.
    pub(crate) fn compact(&self, args: StorageQuery) -> Result<Compacted, CallError> {
        let _one = match self.0.storage.compacting.try_lock() {
            Ok(one) => one,
            Err(TryLockError::Poisoned(e)) => e.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(CallError::new(ErrorCode::Refused, "The store is being compacted already.")
                    .hint("Wait until it is done."));
            }
        };
        let work = self.begin_work(args.work);
        // A connection of its own: a page's preference does not wait for it.
        let mut store = Store::open(&self.store_path())?;
        let plan = store.compacting()?;
        let (here, there) = self.room_on_disk();
        plan.allowed(here, there)?;
        let cells = self.0.options.data_dir.join("cells.db");
        let on_disk = |store: &Store| store.bytes_on_disk() + std::fs::metadata(&cells).map_or(0, |seen| seen.len());
        let before_bytes = on_disk(&store);
        if plan.in_steps {
            let mut given = 0;
            while work.goes_on(megabytes(given), megabytes(plan.free)).is_continue() {
                match store.compact_some(STEP)? {
                    0 => break,
                    more => given += more,
                }
                thread::sleep(PAUSE);
            }
        } else {
            let _ = work.goes_on(0, 0);
            store.write_anew()?;
        }
        let is_later = !store.settle_log()?;
        if cells.is_file() && work.goes_on(megabytes(plan.free), megabytes(plan.free)).is_continue() {
            // A cache: what cannot be made smaller now is made so the next time.
            let _ = CellStore::open(&cells)
                .and_then(|cells| if cells.free_bytes()? > 0 { cells.compact() } else { Ok(()) });
        }
        let left_bytes = store.compacting().map_or(0, |plan: Compacting| plan.free);
        self.0.events.projects();
        Ok(Compacted { before_bytes, after_bytes: on_disk(&store), left_bytes, is_later })
    }

    /// Bytes that are free where the store lies, and where SQLite has its temporary files if that is another disk.
    fn room_on_disk(&self) -> (u64, Option<u64>) {
        let (here, there) = (&self.0.options.data_dir, temporary_folder());
        let device = |path: &Path| std::fs::metadata(path).map(|seen| seen.dev()).ok();
        let other = if device(here) == device(&there) { None } else { Some(free(&there)) };
        (free(here), other)
    }
}

/// For a person without privileges. Where the system does not tell, nothing is refused.
fn free(path: &Path) -> u64 {
    statvfs(path).map_or(u64::MAX, |seen| seen.f_bavail.saturating_mul(seen.f_frsize))
}

fn megabytes(bytes: u64) -> usize {
    usize::try_from(bytes / 1_000_000).unwrap_or(usize::MAX)
}
