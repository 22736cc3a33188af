'use strict';
{
  const find = (id) => document.getElementById(id);
  const status = find('status'), wait = find('wait'), left = find('left'), code = find('code'), fate = find('fate');
  const say = (text) => { if (status) status.textContent = text; };
  const opened = Date.now(), stop = new AbortController();
  let busy;

  const local = (time) => new Date(time).toLocaleTimeString([], { timeStyle: 'short' });
  for (const time of document.querySelectorAll('time')) time.textContent = local(time.dateTime);

  const free = () => { busy?.removeAttribute('aria-busy'); busy = null; };
  addEventListener('pageshow', free);
  addEventListener('submit', (event) => {
    if (busy) return event.preventDefault();
    stop.abort();
    busy = event.submitter ?? event.target;
    busy.setAttribute('aria-busy', 'true');
    setTimeout(free, 10000);
  });

  if (code && window.OTPCredential)
    navigator.credentials.get({ otp: { transport: ['sms'] }, signal: stop.signal }).then((otp) => {
      code.value = otp.code;
      code.form.requestSubmit(code.form.elements.do);
    }).catch(() => {});

  if (find('notice')) say(find('notice').textContent);

  if (wait) {
    const tick = () => {
      const seconds = Math.ceil(wait.dataset.left - (Date.now() - opened) / 1000);
      if (seconds > 0) {
        left.textContent = Math.floor(seconds / 60) + ':' + String(seconds % 60).padStart(2, '0');
      } else {
        clearInterval(clock);
        wait.textContent = wait.dataset.ready;
        say(wait.dataset.ready);
      }
    };
    const clock = setInterval(tick, 1000);
  }

  if (fate?.dataset.ask) {
    let pause = 3000, timer;
    const later = () => {
      clearTimeout(timer);
      if (pause && !document.hidden && Date.now() - opened < 600000) timer = setTimeout(ask, pause);
    };
    const ask = async () => {
      pause = Math.min(pause * 1.5, 30000);
      try {
        const answer = await fetch(fate.dataset.ask, { signal: stop.signal });
        const told = answer.ok ? await answer.json() : { state: 'gone' };
        if (told.text) {
          const words = told.at ? told.text.replace(told.time, local(told.at)) : told.text;
          if (words !== fate.textContent) say(fate.textContent = words);
          fate.className = told.state === 'failed' ? 'wrong' : 'hint';
        }
        if (!['none', 'sent'].includes(told.state)) pause = 0;
      } catch {
        if (stop.signal.aborted) pause = 0;
      }
      later();
    };
    addEventListener('visibilitychange', later);
    later();
  }

  const early = status?.dataset.ends - 150;
  if (early > 0) setTimeout(() => say(status.dataset.soon), early * 1000);
}
