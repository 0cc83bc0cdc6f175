//! Groups that are Rust types.

use std::sync::Arc;

use super::{GroupBuilder, GroupError};

/// Makes a group of PVs of a struct: each field is a PV, a pair, a group, or a value of the struct's own.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use wrapper::{GroupBuilder, GroupError, PutDecision, Pv, PvGroup, PvPair, Scan};
///
/// /// A heater with its sensor.
/// #[derive(PvGroup)]
/// struct Heater {
///     /// Most power that may be asked for, W.
///     #[arg]
///     most: f64,
///     /// Power that the heater gets.
///     #[pv(name = "P", value = 0.0, units = "W", control_limits = 0.0..=most, put = Self::set_power)]
///     power: Pv<f64>,
///     /// Temperature of the block.
///     #[pv(units = "C", precision = 1, alarm_limits = 0.0..=90.0, read_only,
///          scan(Scan::every(Duration::from_millis(100)), Self::measure))]
///     temperature: Pv<f64>,
///     /// Whether the fan runs.
///     fan: PvPair<bool>,
/// }
///
/// impl Heater {
///     fn set_power(&self, _pv: &Pv<f64>, watts: f64) -> PutDecision<f64> {
///         PutDecision::Replace(watts.round())
///     }
///
///     fn measure(&self, pv: &Pv<f64>) {
///         pv.post(20.0 + self.power.get());
///     }
/// }
///
/// /// Two of them.
/// #[derive(PvGroup)]
/// struct Oven {
///     #[group(args(50.0))]
///     top: Arc<Heater>,
///     #[group(prefix = "low:", args(20.0))]
///     bottom: Arc<Heater>,
/// }
///
/// let mut group = GroupBuilder::new("oven:");
/// let oven = group.add::<Oven>()?;
/// assert_eq!(oven.top.power.name(), "oven:top:P");
/// assert_eq!(oven.bottom.fan.readback.name(), "oven:low:fan_RBV");
/// # Ok::<(), GroupError>(())
/// ```
///
/// It makes `fn build(group: &mut GroupBuilder, ..) -> Result<Arc<Self>, GroupError>`, with a parameter for each field
/// with `#[arg]`, and the trait [`PvGroup`] where there is none: `group.add::<Oven>()`,
/// `group.group("p:", Oven::build)`, `group.group("p:", |group| Heater::build(group, 5.0))`.
/// Fields are made in their order, and expressions see the fields before them as variables.
///
/// | field | what it is |
/// |---|---|
/// | `#[pv(..)] x: Pv<T>`, or without attribute | a PV named `x` |
/// | `#[pair(..)] x: PvPair<T>`, or without attribute | a setpoint `x` and its readback `x_RBV` |
/// | `#[group(..)] x: Arc<Other>` | the group `Other` behind `x:` |
/// | `#[group(with = \|group\| ..)] x: X` | what the closure makes, behind the same prefix: a list of groups, PVs in a loop |
/// | `#[arg] x: X` | an argument of `build` |
/// | `#[init(EXPRESSION)] x: X` | any value; without attribute its default |
///
/// | key of `pv` and `pair` | meaning |
/// |---|---|
/// | `name = ".."` | name behind the prefix, an expression or with macros (`{axis}`); that of the field without it |
/// | `value = ..` | first value: `"text"` for texts, `[1, 2]` or `[0.0; 8]` for arrays; undefined without it |
/// | `field(x, "RBV")` | the field `RBV` of the record in the field `x` above it: [`field`](GroupBuilder::field), instead of a name |
/// | `put = Self::m`, `put_async` | [`on_put`](GroupBuilder::on_put): `fn m(&self, pv: &Pv<T>, value: T) -> impl IntoPut<T>` |
/// | `get = Self::m`, `get_async` | [`on_get`](GroupBuilder::on_get): `fn m(&self, pv: &Pv<T>) -> impl IntoGet<T>` |
/// | `scan(SCAN, Self::m)`, `scan_async` | [`scan`](GroupBuilder::scan): `fn m(&self, pv: &Pv<T>) -> impl IntoDone` |
/// | `startup = Self::m`, `startup_async` | [`on_startup_of`](GroupBuilder::on_startup_of): `fn m(&self, pv: &Pv<T>) -> impl IntoDone` |
/// | the doc comment | its first paragraph is [`doc`](crate::PvBuilder::doc), the field DESC |
/// | any other: `flag`, `key = a`, `key(a, b)` | the method of [`PvBuilder`](crate::PvBuilder) of this name: `read_only`, `units = "mm"`, `deadbands(0.1, 0.5)`, `autosave`, `autosave_fields(["VAL", "HIHI"])` |
///
/// The `async` ones take `self: Arc<Self>` and the PV by value. In a pair, puts are the setpoint's and the other hooks
/// the readback's; with a put hook nothing is copied. A pair has besides `setpoint_suffix`, `readback_suffix`, and
/// `setpoint(..)` and `readback(..)` with keys for one of them.
///
/// | key of `group` | meaning |
/// |---|---|
/// | `prefix = ".."` | prefix of the group inside this one |
/// | `args(a, b)` | its arguments |
/// | on the struct: `put`, `get` | [`on_any_put`](GroupBuilder::on_any_put): `fn m(&self, pv: &AnyPv, value: &Value)`, [`on_any_get`](GroupBuilder::on_any_get) |
/// | on the struct: `startup`, `shutdown`, `startup_async`, `shutdown_async` | [`on_startup`](GroupBuilder::on_startup), [`on_shutdown`](GroupBuilder::on_shutdown): `fn m(&self)`; before those of the fields |
///
/// What literals show is an error of the compiler: a name twice or too long, crossed limits, labels that do not fit, a put
/// hook on what is read-only. The rest is an error of `build`.
pub use wrapper_macros::PvGroup;

/// A type whose values are groups of PVs; derived, or written by hand.
///
/// ```
/// use std::sync::Arc;
/// use wrapper::{GroupBuilder, GroupError, Pv, PvGroup};
///
/// struct Two {
///     pvs: [Pv<f64>; 2],
/// }
///
/// impl PvGroup for Two {
///     fn build(group: &mut GroupBuilder) -> Result<Arc<Self>, GroupError> {
///         let pvs = [group.pv("x", 0.0).add()?, group.pv("y", 0.0).add()?];
///         Ok(Arc::new(Self { pvs }))
///     }
/// }
///
/// let mut group = GroupBuilder::new("stage:");
/// let two = group.add::<Two>()?;
/// assert_eq!(two.pvs[1].name(), "stage:y");
/// # Ok::<(), GroupError>(())
/// ```
pub trait PvGroup: Sized + Send + Sync + 'static {
    /// Adds the PVs and hooks of the group.
    ///
    /// # Errors
    /// When a PV cannot be built.
    fn build(group: &mut GroupBuilder) -> Result<Arc<Self>, GroupError>;
}

impl GroupBuilder {
    /// Adds the PVs of a type to this group; [`GroupBuilder::group`] gives them a prefix of their own.
    ///
    /// # Errors
    /// When one of its PVs cannot be built.
    pub fn add<G: PvGroup>(&mut self) -> Result<Arc<G>, GroupError> {
        G::build(self)
    }

    /// Adds what `build` makes to this group, behind the same prefix and with the same hooks.
    ///
    /// ```
    /// use wrapper::{GroupBuilder, GroupError, Pv};
    /// let mut group = GroupBuilder::new("adc:");
    /// let channels: Vec<Pv<f64>> =
    ///     group.with(|group| (1..=8).map(|n| group.pv(&format!("ch{n}"), 0.0).add()).collect())?;
    /// assert_eq!(channels[7].name(), "adc:ch8");
    /// # Ok::<(), GroupError>(())
    /// ```
    ///
    /// # Errors
    /// Those of `build`.
    pub fn with<R>(
        &mut self,
        build: impl FnOnce(&mut Self) -> Result<R, GroupError>,
    ) -> Result<R, GroupError> {
        build(self)
    }
}
