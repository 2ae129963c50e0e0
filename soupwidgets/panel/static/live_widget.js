
export default {
  render: (context) => {
    keepKeysOfNeighbours();
    return renderFigure(context);
  },
};
