//! Labels with a closed list of values: an enum, and a container with an element for each variant.

use std::ops::Index;

/// An enum whose variants are the values of a label.
pub(super) trait Label: Copy + 'static {
    /// All variants, each at its [`Label::index`].
    const ALL: &'static [Self];

    /// Returns the index in [`Label::ALL`].
    fn index(self) -> usize;

    /// Returns the text of the value.
    fn text(self) -> &'static str;
}

/// Declares an enum with its texts, so that the list of variants is always complete.
macro_rules! label {
    (
        $(#[$enum_doc:meta])*
        pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $text:expr,)+ }
    ) => {
        $(#[$enum_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $crate::telemetry::metrics::label::Label for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn index(self) -> usize {
                self as usize
            }

            fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}
pub(super) use label;

/// A container with an element for each variant of a label.
#[derive(Debug)]
pub(super) struct PerVariant<E, T> {
    values: Box<[T]>,
    label: std::marker::PhantomData<E>,
}

impl<E: Label, T> PerVariant<E, T> {
    /// Creates an element for each variant.
    pub(super) fn new(mut make: impl FnMut() -> T) -> Self {
        let values = E::ALL.iter().map(|_| make()).collect();
        Self { values, label: std::marker::PhantomData }
    }

    /// Returns each variant with its element.
    pub(super) fn iter(&self) -> impl Iterator<Item = (E, &T)> {
        E::ALL.iter().copied().zip(&self.values)
    }
}

impl<E: Label, T: Default> Default for PerVariant<E, T> {
    fn default() -> Self {
        Self::new(T::default)
    }
}

impl<E: Label, T> Index<E> for PerVariant<E, T> {
    type Output = T;

    fn index(&self, variant: E) -> &T {
        // There is an element for each variant.
        &self.values[variant.index()]
    }
}
