/** What the classic scripts under /static/vendor/ define. */
declare var Centrifuge: typeof import("centrifuge").Centrifuge;
declare var LinkifyIt: typeof import("linkify-it").default;
