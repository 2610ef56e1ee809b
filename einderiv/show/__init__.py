"""Reading an expression: einsum strings, formulas, LaTeX. Walks over nodes; nothing here computes."""
