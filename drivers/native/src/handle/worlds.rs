//! Replicated worlds: the game commits changes on any thread, and reads the changes that arrive.

use tickwire_core::snapshot::{Changes, Viewer, WorldError, WorldId, WorldStats, WorldWriter};
use tickwire_core::{ConnectionId, Endpoint};

use super::Handle;
use crate::command::Command;
use crate::command_queue::NotQueued;
use crate::error::{CommandError, ReplicationError};
use crate::shared_worlds::HandedIn;

impl Handle {
    /// Commits the changes of one tick of a world. The call moves the changes to the network thread and does not wait for it, unless
    /// 32 commits wait already. The call returns the changes of an earlier commit if the network thread no longer needs them: pass
    /// these changes to [`WorldWriter::reuse`], so that the next tick allocates no memory. [`Handle::commit_tick`] does both.
    ///
    /// Commit in every tick, even without changes. Commits and messages that a thread [holds](Handle::hold) leave together.
    ///
    /// # Errors
    /// [`ReplicationError::Refused`] if the endpoint refused these changes, or the changes of an earlier commit. The endpoint
    /// examines changes on the network thread, so usually the next commit reports a refusal. A commit that reports an earlier
    /// refusal still commits its own changes. The driver also logs (by `tracing`) each refusal that a later commit reports.
    /// [`ReplicationError::NoViewer`] if the endpoint refused a viewer that an earlier [`Handle::set_viewer`] set,
    /// [`ReplicationError::OnNetworkThread`] if an accept policy calls the method, and [`ReplicationError::Stopped`] if the
    /// endpoint is stopped.
    pub fn commit(&self, world: WorldId, changes: Changes) -> Result<Option<Changes>, ReplicationError> {
        let tick = changes.tick();
        let refused = |error| Err(ReplicationError::Refused { world, tick, error });
        if !self.0.facts.has_worlds {
            return refused(WorldError::NotConfigured);
        }
        if u32::try_from(tick).is_err() {
            return refused(WorldError::TickTooLarge { tick });
        }
        // Taken first: the network thread may refuse these changes before this call returns.
        let refusal = self.0.worlds.take_refusal();
        let spare = self.hand_in(world, changes)?;
        match refusal {
            Some(refusal) => {
                spare.into_iter().for_each(|spare| self.0.worlds.keep(spare));
                Err(refusal)
            }
            None => Ok(spare),
        }
    }

    /// Ends the tick of a writer and commits its changes, as [`Handle::commit`] does. The writer reuses the memory of an earlier
    /// tick.
    ///
    /// ```
    /// use tickwire_core::snapshot::{EntitySettings, NetComponent, SnapshotSchema, Viewer, WorldId, WorldView};
    /// use tickwire_core::{Access, Config, ConnectOptions, SnapshotConfig};
    /// use tickwire_native::{Client, Options, Server};
    ///
    /// #[derive(NetComponent, Clone, PartialEq, Debug)]
    /// #[net(name = "crab")]
    /// struct Crab {
    ///     #[net(range = -64.0..=64.0, step = 0.25)]
    ///     at: [f32; 2],
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut schema = SnapshotSchema::new();
    /// schema.component::<Crab>()?;
    /// let schema = std::sync::Arc::new(schema.finish()?);
    ///
    /// let mut config = Config::new(1);
    /// config.access = Access::Open;
    /// let options = Options::new(config).snapshots(SnapshotConfig::new(schema.clone()));
    /// let server = Server::start(options.bind("127.0.0.1:0".parse()?))?;
    /// let mut writer = schema.writer();
    /// let crab = writer.create(EntitySettings::new())?;
    /// writer.set(crab, &Crab { at: [1.0, 2.0] })?;
    /// server.commit_tick(WorldId(0), &mut writer, 1)?;
    /// // Each client that connects sees the world.
    /// let mut accepted = server.handlers::<()>();
    /// accepted.on_connected(|(), server, client, _, _| {
    ///     drop(server.set_viewer(client, Some(Viewer::new(WorldId(0)))));
    /// });
    ///
    /// let client = Client::start(Options::new(Config::new(1)).snapshots(SnapshotConfig::new(schema.clone())))?;
    /// client.connect(&server.local_address().into(), ConnectOptions::new(server.public_key())).wait()?;
    /// let mut view = WorldView::new(&schema);
    /// let mut shown = client.handlers::<WorldView>();
    /// shown.on_snapshot(|view, _, _, changes| view.apply(changes));
    /// let mut tick = 1;
    /// while view.get(crab) != Some(Crab { at: [1.0, 2.0] }) {
    ///     // In each tick of the server, and in each frame of the client.
    ///     tick += 1;
    ///     server.update(&mut (), &mut accepted);
    ///     server.commit_tick(WorldId(0), &mut writer, tick)?;
    ///     client.update(&mut view, &mut shown);
    ///     std::thread::sleep(std::time::Duration::from_millis(5));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The errors of [`Handle::commit`].
    pub fn commit_tick(
        &self,
        world: WorldId,
        writer: &mut WorldWriter,
        tick: u64,
    ) -> Result<(), ReplicationError> {
        let spare = self.commit(world, writer.finish(tick))?;
        spare.into_iter().for_each(|spare| writer.reuse(spare));
        Ok(())
    }

    /// Hands changes to the network thread. Returns the changes of an earlier commit.
    fn hand_in(&self, world: WorldId, changes: Changes) -> Result<Option<Changes>, ReplicationError> {
        if self.0.is_network_thread() {
            return Err(ReplicationError::OnNetworkThread);
        }
        let mut changes = changes;
        let spare = loop {
            if !self.is_running() {
                return Err(ReplicationError::Stopped);
            }
            match self.0.worlds.hand_in(world, changes) {
                HandedIn::Waiting { spare } => break spare,
                HandedIn::Full(back) => changes = back,
            }
            // The answer comes after the commits that wait.
            let _answered = self.ask(|_| ());
        };
        match self.0.commands.push(Command::Commit) {
            Ok(wakes) => {
                if wakes {
                    self.0.commands.wake();
                }
                Ok(spare)
            }
            // Another thread than the network thread waits for room.
            Err(NotQueued::Full(command)) => match self.0.insist(command) {
                Ok(()) => Ok(spare),
                Err(_) => Err(ReplicationError::OnNetworkThread),
            },
            Err(NotQueued::Stopped(_)) => Err(ReplicationError::Stopped),
        }
    }

    /// Sets the world that the endpoint sends on a connection, and the part of the world that the connection sees. A new viewer of
    /// the same world takes effect at the next commit; the endpoint does not send the rest of the world again. With `None`, all
    /// entities leave the connection's view at the next commit. The peer must have dialled this endpoint: otherwise the peer
    /// closes the connection because of a protocol violation. The call ignores an unknown connection.
    ///
    /// # Errors
    /// [`ReplicationError::NoViewer`] if nothing was committed to the world, the endpoint has no worlds, or the viewer is invalid;
    /// [`ReplicationError::OnNetworkThread`] if an accept policy calls this method while the queue to the network thread is full.
    pub fn set_viewer(
        &self,
        connection: ConnectionId,
        viewer: Option<Viewer>,
    ) -> Result<(), ReplicationError> {
        if let Some(viewer) = &viewer {
            let world = viewer.world;
            let refused = |error| Err(ReplicationError::NoViewer { world, error });
            if !viewer.is_valid() {
                return refused(WorldError::BadViewer);
            }
            if !self.0.facts.has_worlds {
                return refused(WorldError::NotConfigured);
            }
            if !self.0.worlds.is_known(world) {
                return refused(WorldError::NoSuchWorld { world });
            }
        }
        let ordered = self.order(Command::SetViewer { connection, viewer });
        ordered.map_err(|CommandError::QueueFull| ReplicationError::OnNetworkThread)
    }

    /// Returns the counters of the world that is sent on a connection, and of the world that is received on it. The call asks the
    /// network thread, and blocks until that thread answers, for at most 1 s. Returns `None` without an answer, for an unknown
    /// connection, after the endpoint has stopped, and in an accept policy, which runs on the network thread.
    /// [`Handle::info`] also returns these counters, at most 100 ms old.
    #[must_use]
    pub fn world_stats(&self, connection: ConnectionId) -> Option<WorldStats> {
        self.ask(move |endpoint| endpoint.world_stats(connection)).flatten()
    }

    /// Returns the counters of the worlds of a connection, as [`Handle::world_stats`] does, without blocking and without
    /// a time limit.
    pub async fn world_stats_async(&self, connection: ConnectionId) -> Option<WorldStats> {
        self.ask_async(move |endpoint| endpoint.world_stats(connection)).await.flatten()
    }

    /// Returns whether any connection still waits for a part of its world. A game whose world no longer changes commits until this is
    /// `false`. The call asks the network thread, and blocks until that thread answers, for at most 1 s. Without an answer, in an
    /// accept policy, and after the endpoint has stopped, the call returns `false`.
    #[must_use]
    pub fn has_pending_worlds(&self) -> bool {
        self.ask(Endpoint::has_pending_worlds).unwrap_or(false)
    }

    /// Gives the changes of an `Event::Snapshot` back to the driver after the game has read the changes, so that a
    /// later event reuses their memory. [`Handle::update`] recycles changes automatically.
    pub fn recycle(&self, changes: Box<Changes>) {
        self.0.worlds.recycle(changes);
    }
}
