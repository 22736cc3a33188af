
(function () {
  var shown = document.getElementById("clock");
  var socket = new WebSocket((location.protocol === "https:" ? "wss://" : "ws://") + location.host + "/clock");
  socket.onmessage = function (tick) { shown.textContent = tick.data; };
  socket.onclose = function () { shown.textContent = "the clock has stopped"; };
})();
