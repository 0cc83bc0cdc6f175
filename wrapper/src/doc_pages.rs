//! The pages of `docs/` with Rust in them, as documentation tests.

macro_rules! pages {
    ($($name:ident: $path:literal,)*) => {
        $(
            #[doc = include_str!($path)]
            struct $name;
        )*
    };
}

pages! {
    Readme: "../../README.md",
    Groups: "../../docs/groups.md",
    Records: "../../docs/records.md",
    FirstDevice: "../../docs/guide/first-device.md",
    GuideToGroups: "../../docs/guide/groups.md",
    Properties: "../../docs/guide/properties.md",
    Hooks: "../../docs/guide/hooks.md",
    HowDoI: "../../docs/guide/how-do-i.md",
    FromCaproto: "../../docs/from-caproto.md",
    Services: "../../docs/services.md",
}
