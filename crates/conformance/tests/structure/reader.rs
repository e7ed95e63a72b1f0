//! What the code of one module defines, imports and refers to.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::Visit;

/// Collects what a module's own code defines, imports and refers to.
#[derive(Default)]
pub(crate) struct Reader {
    /// Names of the items that the module defines.
    pub(crate) items: BTreeSet<String>,
    /// What `use` brings in: a name, and the path that it stands for.
    pub(crate) imports: BTreeMap<String, Vec<String>>,
    /// The paths of `use PATH::*`.
    pub(crate) globs: Vec<Vec<String>>,
    pub(crate) references: Vec<Reference>,
}

/// A path in the code.
pub(crate) struct Reference {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

impl Reader {
    fn add_use(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        let (path, name, line) = match tree {
            syn::UseTree::Path(path) => return self.add_use(&with(&path.ident), &path.tree),
            syn::UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.add_use(before, tree));
            }
            syn::UseTree::Glob(_) => return self.globs.push(before.to_vec()),
            syn::UseTree::Name(name) if name.ident == "self" => {
                let line = name.ident.span().start().line;
                (before.to_vec(), before.last().cloned(), line)
            }
            syn::UseTree::Name(name) => {
                let line = name.ident.span().start().line;
                (with(&name.ident), Some(name.ident.to_string()), line)
            }
            syn::UseTree::Rename(rename) => {
                let line = rename.ident.span().start().line;
                (with(&rename.ident), Some(rename.rename.to_string()), line)
            }
        };
        self.imports.extend(name.map(|name| (name, path.clone())));
        self.references.push(Reference { path, line });
    }

    /// Paths in what a macro is given, which is not parsed.
    fn add_tokens(&mut self, tokens: proc_macro2::TokenStream) {
        let (mut path, mut colons, mut line) = (Vec::new(), 0, 0);
        for token in tokens {
            match token {
                proc_macro2::TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end_path(&mut path, line);
                    }
                    (line, colons) = (ident.span().start().line, 0);
                    path.push(ident.to_string());
                }
                proc_macro2::TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => {
                    colons += 1
                }
                proc_macro2::TokenTree::Group(group) => {
                    self.end_path(&mut path, line);
                    colons = 0;
                    self.add_tokens(group.stream());
                }
                _ => {
                    self.end_path(&mut path, line);
                    colons = 0;
                }
            }
        }
        self.end_path(&mut path, line);
    }

    fn end_path(&mut self, path: &mut Vec<String>, line: usize) {
        let path = std::mem::take(path);
        if !path.is_empty() {
            self.references.push(Reference { path, line });
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_for_tests(attributes(item)) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_use(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let line = path
            .segments
            .first()
            .map_or(0, |first| first.ident.span().start().line);
        let names = path.segments.iter().map(|segment| segment.ident.to_string());
        self.references.push(Reference {
            path: names.collect(),
            line,
        });
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.visit_path(&item.path);
        self.add_tokens(item.tokens.clone());
    }

    /// Where something may be seen is no use of it.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
}

/// Whether an item is compiled for tests only.
pub(crate) fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            crate::workspace::words(&condition).any(|word| word == "test")
                && !condition.contains("not (test)")
        }
        meta => meta.path().is_ident("test"),
    })
}

pub(crate) fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The name that an item adds to its module, modules aside.
pub(crate) fn defined_name(item: &syn::Item) -> Option<String> {
    let ident = match item {
        syn::Item::Const(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Fn(item) => &item.sig.ident,
        syn::Item::Macro(item) => item.ident.as_ref()?,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
