//! One RTSP session: from `DESCRIBE` to the last packet, as items of a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use retina::client::{
    InitialTimestampPolicy, PacketItem, PlayOptions, Playing, Session, SessionGroup, SessionOptions, SetupOptions,
};
use retina::codec::{ParametersRef, VideoParametersCodec};
use tillsight_schemas::segment::{ClockSource, GapReason, StreamKey};
use tillsight_schemas::{Clock, metric};

use super::aac::AacAssembler;
use super::config::{StreamConfig, Transport};
use super::fanout::Outlets;
use super::format::ParameterSets;
use super::h26x::{Assembled, Assembler, Packet};
use super::timeline::{Timeline, Update};
use super::unit::{AccessUnit, AudioFormat, AudioFrame, ClockReading, Item, Metadata, RunStart, VideoCodec};
use crate::record::boxes::utc_us_from_ntp;

/// A metadata document larger than this is given up.
const MAX_METADATA: usize = 4 << 20;
/// Time stamps of different tracks more than this apart do not share a time line, in 1/90000 s.
const MAX_SKEW: i64 = 30 * 90_000;
/// Sound is moved against the pictures only when it is off by more than this.
const MIN_SHIFT_MS: i64 = 40;

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// The camera could not be reached, or has no such stream.
    #[error("cannot connect")]
    Connect(#[source] retina::Error),
    /// The camera refused the login.
    #[error("the camera refused the user or the password")]
    Login(#[source] retina::Error),
    /// Connecting took too long.
    #[error("connecting took longer than {0:?}")]
    ConnectTimeout(std::time::Duration),
    /// The camera offers no video that can be recorded.
    #[error("the camera offers no H.264 or H.265 video, but {0}")]
    NoVideo(String),
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[source] retina::Error),
    /// The camera closed the connection.
    #[error("the camera closed the connection")]
    Closed,
    /// The connection stands, but there are no pictures.
    #[error("no picture for {0:?}")]
    NoFrames(std::time::Duration),
    /// A clock jumped.
    #[error("a clock jumped by more than a second")]
    ClockStep,
    /// The recorder was stopped.
    #[error("the recorder was stopped")]
    Recorder,
}

impl Ended {
    /// Why a request of the beginning failed.
    fn begin(error: retina::Error) -> Self {
        match error.status_code() {
            Some(401 | 403) => Self::Login(error),
            _ => Self::Connect(error),
        }
    }

    pub(crate) fn gap(&self) -> GapReason {
        match self {
            Self::Connect(_) | Self::ConnectTimeout(_) | Self::NoVideo(_) => GapReason::Unreachable,
            Self::Login(_) => GapReason::Refused,
            Self::Broken(_) | Self::Closed => GapReason::Disconnected,
            Self::NoFrames(_) => GapReason::NoFrames,
            Self::ClockStep => GapReason::ClockStep,
            Self::Recorder => GapReason::Stopped,
        }
    }
}

/// A session that plays.
pub(crate) struct Live {
    session: Session<Playing>,
    stream: Arc<StreamKey>,
    config: StreamConfig,
    clock: Arc<dyn Clock>,
    video: (usize, Assembler),
    audio: Option<(usize, AacAssembler, Arc<AudioFormat>)>,
    metadata: Option<(usize, Vec<u8>, bool)>,
    run: Option<Run>,
    /// The last sender report of each track.
    reports: BTreeMap<usize, Report>,
    /// How far sound is shifted against its own time line, in ticks of its clock.
    audio_shift: i64,
    labels: [(&'static str, String); 3],
}

/// What a sender report says: the camera's clock in microseconds since 1970, and the track's clock in its own ticks.
#[derive(Debug, Clone, Copy)]
struct Report {
    utc_us: i64,
    ticks: i64,
}

impl Report {
    /// The time of a track as time of the video, in 1/90000 s: both reports speak of the same clock.
    fn as_video(self, ticks: i64, rate: i64, video: Self) -> i64 {
        let utc_us = self.utc_us + (ticks - self.ticks) * 1_000_000 / rate.max(1);
        video.ticks + (utc_us - video.utc_us) * 9 / 100
    }
}

struct Run {
    number: i64,
    /// The first picture's time since the begin of the session, in 1/90000 s.
    origin: i64,
    timeline: Timeline,
    last_report_us: i64,
}

impl Live {
    /// Connects and begins to play.
    pub(crate) async fn connect(
        config: &StreamConfig,
        clock: Arc<dyn Clock>,
        group: Arc<SessionGroup>,
    ) -> Result<Self, Ended> {
        let connect = Self::connect_unbounded(config, clock, group);
        tokio::time::timeout(config.connect_timeout, connect)
            .await
            .map_err(|_| Ended::ConnectTimeout(config.connect_timeout))?
    }

    async fn connect_unbounded(
        config: &StreamConfig,
        clock: Arc<dyn Clock>,
        group: Arc<SessionGroup>,
    ) -> Result<Self, Ended> {
        let credentials =
            config.credentials.clone().map(|(username, password)| retina::client::Credentials { username, password });
        let options =
            SessionOptions::default().creds(credentials).user_agent("tillsight".to_owned()).session_group(group);
        let mut session = Session::describe(config.url.clone(), options).await.map_err(Ended::begin)?;
        let (mut video, mut audio, mut metadata) = (None, None, None);
        for (at, stream) in session.streams().iter().enumerate() {
            match (stream.media(), stream.encoding_name()) {
                ("video", name @ ("h264" | "h265")) if video.is_none() => {
                    let codec = if name == "h264" { VideoCodec::H264 } else { VideoCodec::H265 };
                    video = Some((at, Assembler::new(codec, described_sets(stream))));
                }
                ("audio", "mpeg4-generic") if config.audio && audio.is_none() => {
                    audio = described_audio(stream).map(|(assembler, format)| (at, assembler, Arc::new(format)));
                }
                ("application", "vnd.onvif.metadata") if config.metadata && metadata.is_none() => {
                    metadata = Some((at, Vec::new(), false));
                }
                _ => {}
            }
        }
        let Some(video) = video else {
            let offered: Vec<_> =
                session.streams().iter().map(|s| format!("{}/{}", s.media(), s.encoding_name())).collect();
            return Err(Ended::NoVideo(offered.join(", ")));
        };
        let wanted = [Some(video.0), audio.as_ref().map(|a| a.0), metadata.as_ref().map(|m| m.0)];
        for at in wanted.into_iter().flatten() {
            let transport = match config.transport {
                Transport::Tcp => retina::client::Transport::Tcp(retina::client::TcpTransportOptions::default()),
                Transport::Udp => retina::client::Transport::Udp(retina::client::UdpTransportOptions::default()),
            };
            session.setup(at, SetupOptions::default().transport(transport)).await.map_err(Ended::begin)?;
        }
        let play = PlayOptions::default().initial_timestamp(InitialTimestampPolicy::Permissive);
        let session = session.play(play).await.map_err(Ended::begin)?;
        let stream = Arc::new(config.key.clone());
        let labels = super::labels(&stream);
        Ok(Self {
            session,
            stream,
            config: config.clone(),
            clock,
            video,
            audio,
            metadata,
            run: None,
            reports: BTreeMap::new(),
            audio_shift: 0,
            labels,
        })
    }

    /// Reads until the session ends. `next_run` is the lowest number a run may have; `begun` is told of each run.
    pub(crate) async fn read(&mut self, outlets: &Outlets, next_run: &mut i64, mut begun: impl FnMut(i64)) -> Ended {
        let mut deadline = tokio::time::Instant::now() + self.config.frame_timeout;
        loop {
            let item = match tokio::time::timeout_at(deadline, self.session.next()).await {
                Err(_) => return Ended::NoFrames(self.config.frame_timeout),
                Ok(None) => return Ended::Closed,
                Ok(Some(Err(error))) => return Ended::Broken(error),
                Ok(Some(Ok(item))) => item,
            };
            let had_run = self.run.as_ref().map(|run| run.number);
            match self.item(item, outlets, next_run).await {
                Ok(true) => deadline = tokio::time::Instant::now() + self.config.frame_timeout,
                Ok(false) => {}
                Err(ended) => return ended,
            }
            if let Some(run) = &self.run
                && Some(run.number) != had_run
            {
                begun(run.number);
            }
        }
    }

    /// Whether a run was begun.
    pub(crate) fn has_run(&self) -> bool {
        self.run.is_some()
    }

    /// Takes in an item of the session; says whether it completed a picture.
    async fn item(&mut self, item: PacketItem, outlets: &Outlets, next_run: &mut i64) -> Result<bool, Ended> {
        match item {
            PacketItem::Rtp(received) => {
                let packet = Packet {
                    timestamp: received.timestamp().elapsed(),
                    mark: received.mark(),
                    lost: u32::from(received.loss()),
                    payload: received.payload(),
                };
                if packet.lost > 0 {
                    metrics::counter!(metric::CAMERA_LOST_PACKETS, &self.labels).increment(u64::from(packet.lost));
                }
                let at = received.stream_id();
                if at == self.video.0 {
                    let units = self.video.1.push(packet);
                    let any = !units.is_empty();
                    for unit in units {
                        self.picture(unit, outlets, next_run).await?;
                    }
                    Ok(any)
                } else {
                    self.other(at, packet, outlets).await?;
                    Ok(false)
                }
            }
            PacketItem::Rtcp(compound) => {
                self.report(&compound, outlets).await?;
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    async fn picture(&mut self, unit: Assembled, outlets: &Outlets, next_run: &mut i64) -> Result<(), Ended> {
        let arrived_us = self.clock.now().timestamp_micros();
        let Some(format) = self.video.1.format().cloned() else { return Ok(()) };
        let number = match &self.run {
            Some(run) => run.number,
            // Pictures before the first key frame cannot be shown; they belong to the gap.
            None if !unit.key => return Ok(()),
            None => {
                let number = arrived_us.max(*next_run);
                *next_run = number + 1;
                let (timeline, piece) = Timeline::begin(arrived_us, self.config.trust_sender_reports);
                let audio = self.audio.as_ref().map(|(_, _, format)| Arc::clone(format));
                let start = RunStart { run: number, audio, piece };
                self.run = Some(Run { number, origin: unit.timestamp, timeline, last_report_us: i64::MIN });
                outlets.send(Item::Begin(start)).await.map_err(|_| Ended::Recorder)?;
                number
            }
        };
        let Some(run) = &mut self.run else { return Ok(()) };
        let pts = unit.timestamp - run.origin;
        match run.timeline.arrival(pts, arrived_us) {
            Update::Keep => {}
            Update::Piece(piece) => outlets.send(Item::Map(piece)).await.map_err(|_| Ended::Recorder)?,
            Update::Step => return Err(Ended::ClockStep),
        }
        let utc_us = run.timeline.utc_us(pts);
        metrics::counter!(metric::CAMERA_FRAMES, &self.labels).increment(1);
        let unit = AccessUnit {
            stream: Arc::clone(&self.stream),
            run: number,
            pts,
            key: unit.key,
            lost: unit.lost,
            arrived_us,
            utc_us,
            format,
            data: unit.data,
        };
        outlets.send(Item::Video(unit)).await.map_err(|_| Ended::Recorder)
    }

    async fn other(&mut self, at: usize, packet: Packet<'_>, outlets: &Outlets) -> Result<(), Ended> {
        let Some(run) = &self.run else { return Ok(()) };
        if let Some((_, assembler, format)) = self.audio.as_mut().filter(|audio| audio.0 == at) {
            let rate = i64::from(format.clock_rate);
            let origin = run.origin.saturating_mul(rate) / 90_000;
            let duration = assembler.frame_length();
            let frames = assembler.push(packet);
            // The tracks' begins are given by the camera in its answer to PLAY; sender reports say it better.
            if let (Some(own), Some(video)) = (self.reports.get(&at), self.reports.get(&self.video.0)) {
                let better =
                    own.as_video(packet.timestamp, rate, *video).saturating_mul(rate) / 90_000 - packet.timestamp;
                if (better - self.audio_shift).abs() > rate * MIN_SHIFT_MS / 1_000 && better.abs() < rate * 30 {
                    self.audio_shift = better;
                }
            }
            for (timestamp, lost, data) in frames {
                let pts = timestamp + self.audio_shift - origin;
                let frame = AudioFrame { run: run.number, pts, duration, lost, data };
                if frame.pts >= 0 {
                    outlets.send(Item::Audio(frame)).await.map_err(|_| Ended::Recorder)?;
                }
            }
        } else if let Some((_, message, damaged)) = self.metadata.as_mut().filter(|track| track.0 == at) {
            *damaged |= packet.lost > 0 || message.len() + packet.payload.len() > MAX_METADATA;
            if !*damaged {
                message.extend_from_slice(packet.payload);
            }
            if packet.mark {
                let xml = Bytes::from(std::mem::take(message));
                if !std::mem::take(damaged) && !xml.is_empty() {
                    let arrived_us = self.clock.now().timestamp_micros();
                    let ticks = match (self.reports.get(&at), self.reports.get(&self.video.0)) {
                        (Some(own), Some(video)) => own.as_video(packet.timestamp, 90_000, *video),
                        _ => packet.timestamp,
                    };
                    let pts = ticks - run.origin;
                    let stream = Arc::clone(&self.stream);
                    let utc_us = run.timeline.utc_us(pts);
                    // A track without a common time line is placed by its arrival.
                    let (pts, utc_us) = if (utc_us - arrived_us).abs() > MAX_SKEW * 100 / 9 {
                        (
                            run.timeline
                                .map()
                                .piece(pts)
                                .map_or(pts, |p| p.from_pts + (arrived_us - p.utc_us) * 9 / 100),
                            arrived_us,
                        )
                    } else {
                        (pts, utc_us)
                    };
                    outlets.send_metadata(Metadata { stream, run: run.number, pts, utc_us, arrived_us, xml });
                }
            }
        }
        Ok(())
    }

    async fn report(
        &mut self,
        compound: &retina::rtcp::ReceivedCompoundPacket,
        outlets: &Outlets,
    ) -> Result<(), Ended> {
        let Some(timestamp) = compound.rtp_timestamp() else { return Ok(()) };
        let Some(Ok(Some(report))) = compound.pkts().next().map(retina::rtcp::PacketRef::as_sender_report) else {
            return Ok(());
        };
        let report = Report { utc_us: utc_us_from_ntp(report.ntp_timestamp().0), ticks: timestamp.elapsed() };
        self.reports.insert(compound.stream_id(), report);
        let (Some(run), true) = (&mut self.run, compound.stream_id() == self.video.0) else { return Ok(()) };
        let heard_us = self.clock.now().timestamp_micros();
        let reading = ClockReading {
            source: ClockSource::SenderReport,
            pts: report.ticks - run.origin,
            utc_us: report.utc_us,
            heard_us,
        };
        match run.timeline.reading(&reading) {
            Update::Keep => {}
            Update::Piece(piece) => outlets.send(Item::Map(piece)).await.map_err(|_| Ended::Recorder)?,
            Update::Step => return Err(Ended::ClockStep),
        }
        // One in ten seconds is kept in the file.
        if heard_us.saturating_sub(run.last_report_us) >= 10_000_000 {
            run.last_report_us = heard_us;
            outlets.send(Item::Clock(reading)).await.map_err(|_| Ended::Recorder)?;
            let arrival = ClockReading {
                source: ClockSource::Arrival,
                pts: reading.pts,
                utc_us: run.timeline.utc_us(reading.pts),
                heard_us,
            };
            outlets.send(Item::Clock(arrival)).await.map_err(|_| Ended::Recorder)?;
        }
        Ok(())
    }
}

fn described_sets(stream: &retina::client::Stream) -> ParameterSets {
    match stream.parameters() {
        Some(ParametersRef::Video(parameters)) => match parameters.codec_params() {
            VideoParametersCodec::H264 { sps, pps } => {
                ParameterSets { vps: Vec::new(), sps: sps.to_vec(), pps: pps.to_vec() }
            }
            VideoParametersCodec::H265 { vps, sps, pps } => {
                ParameterSets { vps: vps.to_vec(), sps: sps.to_vec(), pps: pps.to_vec() }
            }
            _ => ParameterSets::default(),
        },
        _ => ParameterSets::default(),
    }
}

fn described_audio(stream: &retina::client::Stream) -> Option<(AacAssembler, AudioFormat)> {
    let Some(ParametersRef::Audio(parameters)) = stream.parameters() else { return None };
    let format = AudioFormat {
        rfc6381: parameters.rfc6381_codec()?.to_owned(),
        clock_rate: parameters.clock_rate(),
        channels: parameters.channels().get(),
        sample_entry: parameters.mp4_sample_entry().build().ok()?.into(),
    };
    Some((AacAssembler::new(parameters.frame_length()?.get()), format))
}
