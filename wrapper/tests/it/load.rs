//! Clients that do not read, and clients that get more than they can take.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use ca_proto::wire::Command;
use wrapper::{Config, GroupBuilder, Ioc, Pv};

use crate::raw::Raw;

struct Images {
    ioc: Ioc,
    image: Pv<Vec<f64>>,
    scalar: Pv<f64>,
}

/// An image of 240 kB and a scalar.
fn serve() -> Images {
    let mut g = GroupBuilder::new("i:");
    let image = g.pv("image", vec![0.0; 30_000]).add().expect("good");
    let scalar = g.pv("scalar", 0.0).check(|v: &f64| -> Result<(), String> {
        assert!(*v >= 0.0, "told to panic");
        Ok(())
    });
    let scalar = scalar.add().expect("good");
    Images { ioc: Ioc::builder().group(g).start(Config::isolated()).expect("loopback"), image, scalar }
}

impl Images {
    fn connect(&self) -> Raw {
        Raw::connect(self.ioc.tcp_addresses()[0])
    }
}

#[test]
fn clients_that_stop_reading_disturb_nobody_and_get_the_last_value() {
    let lab = serve();
    let mut deaf: Vec<_> = (0..8)
        .map(|_| {
            let mut raw = lab.connect();
            let (image, scalar) = (raw.channel("i:image"), raw.channel("i:scalar"));
            (raw.monitor(image, 6, 0, 1), raw.monitor(scalar, 6, 1, 1), raw)
        })
        .collect();
    let mut other = lab.connect();
    let scalar = other.channel("i:scalar");
    for i in 1..=200 {
        lab.image.post(vec![f64::from(i); 30_000]);
        lab.scalar.post(f64::from(i));
        assert_eq!(other.get(scalar, 6, 1).double(), f64::from(i));
    }
    for (image, scalar, raw) in &mut deaf {
        let (mut last_image, mut last_scalar) = (0.0, 0.0);
        while (last_image, last_scalar) != (200.0, 200.0) {
            let message = raw.next();
            let value = if message.header.p2 == *image { &mut last_image } else { &mut last_scalar };
            assert!([*image, *scalar].contains(&message.header.p2));
            assert!(*value <= message.double(), "in order");
            *value = message.double();
        }
    }
}

#[test]
fn a_stop_is_quick_while_clients_do_not_read() {
    let lab = serve();
    let deaf: Vec<_> = (0..8)
        .map(|_| {
            let mut raw = lab.connect();
            let image = raw.channel("i:image");
            raw.monitor(image, 6, 0, 1);
            raw
        })
        .collect();
    (1..=200).for_each(|i| lab.image.post(vec![f64::from(i); 30_000]));
    let start = Instant::now();
    assert_eq!(lab.ioc.stop(), 0);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    drop(deaf);
}

#[test]
fn an_echo_is_answered_while_images_keep_coming() {
    let lab = serve();
    let mut raw = lab.connect();
    let image = raw.channel("i:image");
    raw.monitor(image, 6, 0, 1);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let post = lab.image.clone();
        let done = &done;
        scope.spawn(move || {
            let mut i = 0.0;
            while !done.load(SeqCst) {
                i += 1.0;
                post.post(vec![i; 30_000]);
            }
        });
        for _ in 0..20 {
            raw.send(Command::Echo, 0, 0, 0, 0, &[]);
            let before = raw.until(|m| m.is(Command::Echo)).len();
            assert!(before < 200, "{before} images before the echo");
        }
        done.store(true, SeqCst);
    });
}

#[test]
fn a_check_that_panics_refuses_the_put_and_the_circuit_lives() {
    let lab = serve();
    let mut raw = lab.connect();
    let scalar = raw.channel("i:scalar");
    assert_eq!((raw.put(scalar, -1.0), raw.put(scalar, 2.0), lab.scalar.get()), (160, 1, 2.0));
}
