
export default { render: (context) => renderFigure(context) };
