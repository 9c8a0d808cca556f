//! What cameras say by themselves: the simulated device is proven by a client that nobody here wrote
//! (onvif-zeep-async), and then our client by the device; statements are read back from Kafka with public libraries.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tillsight_schemas::topic;
use tillsight_tests::Shop;
use tillsight_tests::camera::Camera;
use tillsight_tests::onvif::OnvifDevice;
use tillsight_tests::outside::{eventually, python};

const TAMPER: &str = "tns1:VideoSource/GlobalSceneChange/ImagingService";
const SECRET: &str = "correct-horse-battery";

/// A shop with these cameras in store 17: id, RTSP address, ONVIF address, password.
fn shop(cameras: &[(&str, &str, Option<&str>, &str)]) -> (Shop, tempfile::TempDir) {
    let secrets = tempfile::tempdir().unwrap();
    let mut more = String::new();
    for (id, url, onvif, password) in cameras {
        let file = secrets.path().join(id);
        std::fs::write(&file, format!("{password}\n")).unwrap();
        let onvif = onvif.map(|onvif| format!("onvif = \"{onvif}\"\n")).unwrap_or_default();
        write!(
            more,
            "[[camera]]\ntenant = \"demo\"\nstore = \"17\"\nid = \"{id}\"\nurl = \"{url}\"\n{onvif}username = \
             \"viewer\"\npassword_file = \"{}\"\n",
            file.display()
        )
        .unwrap();
    }
    (Shop::with(&more), secrets)
}

/// All statements of a camera, as JSON, with the key they have in Kafka.
fn statements(shop: &Shop, camera: &str) -> Vec<Value> {
    const READ: &str = r#"
import sys, json, io, time, fastavro
from confluent_kafka import Consumer, KafkaException, TopicPartition, OFFSET_BEGINNING
bootstrap, topic, camera, schema = sys.argv[1:]
schema = fastavro.parse_schema(json.load(open(schema)))
c = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "enable.auto.commit": False})
parts = c.list_topics(topic, timeout=20).topics[topic].partitions
c.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in parts])
def end(p, deadline=time.time() + 30):
    # A topic that was just made has no leader for a moment.
    while True:
        try:
            return c.get_watermark_offsets(TopicPartition(topic, p), timeout=20)[1]
        except KafkaException:
            if time.time() > deadline:
                raise
left = {p: end(p) for p in parts}
left = {p: end for p, end in left.items() if end}
while left:
    m = c.poll(20)
    assert m is not None and m.error() is None, m and m.error()
    frame = m.value()
    assert frame[:5] == bytes([0, 0, 0, 0, 4]), frame[:5]
    r = fastavro.schemaless_reader(io.BytesIO(frame[5:]), schema)
    if r["camera_id"] == camera:
        print(json.dumps({**r, "key": m.key().decode()}, default=str))
    if m.offset() + 1 >= left.get(m.partition(), 0):
        left.pop(m.partition(), None)
"#;
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/avro/camera_event.avsc");
    python(READ, &[&shop.bootstrap(), topic::CAM_EVENT, camera, schema])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Waits for a statement.
fn said(shop: &Shop, camera: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || {
        let all = statements(shop, camera);
        all.iter().find(|event| is(event)).cloned().ok_or_else(|| format!("{all:#?}"))
    })
}

fn subscribed(device: &mut OnvifDevice) -> Value {
    eventually("the camera's events are subscribed to", || {
        let status = device.status();
        if status["subscriptions"] == 1 { Ok(status) } else { Err(status.to_string()) }
    })
}

#[test]
fn a_client_that_nobody_here_wrote_gets_the_device_s_events() {
    const PULL: &str = r#"
import asyncio, datetime, json, os, sys, onvif
async def main(port, user, password):
    camera = onvif.ONVIFCamera("127.0.0.1", int(port), user, password, os.path.join(os.path.dirname(onvif.__file__), "wsdl"))
    try:
        await camera.update_xaddrs()
        manager = await camera.create_pullpoint_manager(datetime.timedelta(seconds=60), lambda: None)
        pulled = await manager.get_service().PullMessages({"Timeout": datetime.timedelta(seconds=5), "MessageLimit": 10})
        for message in pulled.NotificationMessage:
            said = message.Message._value_1
            print(json.dumps([message.Topic._value_1, said.PropertyOperation, said.Data.SimpleItem[0].Value]))
        await manager.stop()
    except Exception as error:
        print(json.dumps(["refused", type(error).__name__, str(error)]))
    finally:
        await camera.close()
asyncio.run(main(*sys.argv[1:]))
"#;
    let mut device = OnvifDevice::start(&["--password", SECRET]);
    device.change(TAMPER, "lens", ("State", "true"));
    let pulled = python(PULL, &[&device.port(), "viewer", SECRET]);
    assert_eq!(serde_json::from_str::<Value>(pulled.trim()).unwrap(), json!([TAMPER, "Initialized", "true"]));
    let refused = python(PULL, &[&device.port(), "viewer", "wrong"]);
    assert!(refused.contains("refused") && refused.contains("authori"), "{refused}");
    let status = device.status();
    assert_eq!((&status["created"], &status["ended"], &status["subscriptions"]), (&json!(1), &json!(1), &json!(0)));
}

#[test]
fn a_client_that_nobody_here_wrote_gets_the_device_s_streams() {
    const ASK: &str = r#"
import asyncio, json, os, sys, onvif
async def main(port, user, password):
    camera = onvif.ONVIFCamera("127.0.0.1", int(port), user, password, os.path.join(os.path.dirname(onvif.__file__), "wsdl"))
    try:
        await camera.update_xaddrs()
        media = await camera.create_media_service()
        profile = (await media.GetProfiles())[0]
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        uri = (await media.GetStreamUri({"StreamSetup": setup, "ProfileToken": profile.token})).Uri
        print(json.dumps([profile.Name, profile.VideoEncoderConfiguration.Encoding, uri]))
    finally:
        await camera.close()
asyncio.run(main(*sys.argv[1:]))
"#;
    let device = OnvifDevice::start(&["--password", SECRET, "--stream", "rtsp://10.1.2.3:554/a?b=1&c=2"]);
    let said = python(ASK, &[&device.port(), "viewer", SECRET]);
    let expected = json!(["Main", "H264", "rtsp://10.1.2.3:554/a?b=1&c=2"]);
    assert_eq!(serde_json::from_str::<Value>(said.trim()).unwrap(), expected);
}

#[test]
fn cameras_that_report_are_on_the_topic_and_a_wrong_password_is_said_in_words() {
    // One is 40 s ahead and names an address behind a router; one has another password; the third sends metadata.
    let ahead = ["--password", SECRET, "--clock-offset", "40", "--max-lifetime", "12", "--inner", "http://10.1.2.3"];
    let mut device = OnvifDevice::start(&ahead);
    let mut closed = OnvifDevice::start(&["--password", "another"]);
    let film = Camera::start(&["--metadata"]);
    let nowhere = "rtsp://127.0.0.1:9/none";
    let (mut shop, _secrets) = shop(&[
        ("till-1", nowhere, Some(&device.url), SECRET),
        ("till-2", nowhere, Some(&closed.url), SECRET),
        ("till-3", &film.url, None, SECRET),
    ]);

    // A camera that reports tampering is on lp.cam.event.v1, at the right time although its clock is wrong.
    subscribed(&mut device);
    device.change(TAMPER, "lens", ("State", "true"));
    let tamper = said(&shop, "till-1", "the tampering", |event| event["kind"] == "tamper");
    assert_eq!(
        (&tamper["state"], &tamper["subject"], &tamper["topic"]),
        (&json!(true), &json!("lens"), &json!(TAMPER))
    );
    assert_eq!((&tamper["key"], &tamper["via"]), (&json!("demo/17"), &json!("pull_point")));
    let time = |field: &str| tamper[field].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let (late, bound) = (time("received_at") - time("event_time"), tamper["time_uncertainty_us"].as_i64().unwrap());
    // Received within a second or two by our clock, 40 s before it happened by the camera's.
    let late_us = late.num_microseconds().unwrap();
    assert!(late_us >= -bound && late_us < 30_000_000, "{late} later, bound {bound} us");
    assert!((time("event_time_raw") - time("received_at")).num_seconds() > 9, "the raw time is the camera's");

    // The subscription is renewed although the device ends each after 12 s, and there is never a second one.
    let status = eventually("the subscription is renewed", || {
        let status = device.status();
        if status["renewed"].as_i64() >= Some(1) { Ok(status) } else { Err(status.to_string()) }
    });
    assert_eq!((&status["created"], &status["refused"]), (&json!(1), &json!(0)), "{status}");
    // It forgets everything, and is cut off from power: each time it is subscribed to again, and nothing is lost.
    device.tell(&json!({"forget": true}));
    device.change("tns1:Device/Trigger/DigitalInput", "drawer", ("LogicalState", "true"));
    said(&shop, "till-1", "the drawer contact", |event| event["kind"] == "input");
    let port = device.port();
    device.kill();
    let mut device = OnvifDevice::start(&[&ahead[..], &["--port", &port]].concat());
    device.change("tns1:VideoSource/MotionAlarm", "lens", ("State", "true"));
    said(&shop, "till-1", "motion after the restart", |event| event["kind"] == "motion");

    // The metadata track of an RTSP session says that nobody is there.
    let scene = said(&shop, "till-3", "an empty scene", |event| event["kind"] == "scene");
    assert_eq!(scene["via"], "metadata");

    // A wrong password is said in words, and no password is.
    let log = eventually("the refused login is in the log", || {
        let log = shop.log();
        if log.contains("refuses the login viewer") { Ok(log) } else { Err(log) }
    });
    assert!(log.contains("check user name and password") && !log.contains(SECRET));
    assert_eq!(closed.status()["created"], 0);

    // Whoever stops leaves no subscription behind.
    assert_eq!(shop.stop(), Some(0), "{}", shop.log());
    assert_eq!(device.status()["subscriptions"], 0);
}
