/** What the classic scripts under /static/vendor/ define. */
declare var Centrifuge: typeof import("centrifuge").Centrifuge;
declare var MarkdownIt: typeof import("markdown-it").default;
