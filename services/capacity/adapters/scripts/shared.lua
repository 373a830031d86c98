-- Shared functions, prepended to each script when it is loaded. All keys have one hash tag.
--
-- {prefix}:programmes        hash: '@epoch' (ms at which the generation began; '@rebuilding' instead of it until the
--                            generation is complete), '@sequence' (steps since), and by programme
--                            "places held occupied suspended confirmed version center region modality"
--                            (suspended is 0 or 1; confirmed is in ms, 0 without a figure; version is the figure's)
-- {prefix}:claim:<referral>  string "attempt state rank programmes": one programme when held or occupied, every
--                            queue when waiting; "attempt none" after a release
-- {prefix}:queue:<programme> sorted set of referrals by rank; equal ranks go by referral id
-- {prefix}:trace:<referral>  string: the traceparent of the claim by which it waits, where traces are on; goes by itself
-- {prefix}:events            stream of steps; the id of a step is <epoch>-<sequence>
-- {prefix}:server            string: run id of the server that the data lives on, '.', and the data's format
--
-- KEYS[1] programmes, KEYS[2] events; the last key is always absent, and no script sees it: a server that gives the keys
-- away to another one (a slot of a cluster on its way) refuses a script that names both present and absent keys, before
-- its first step. Without it a script would fail in its midst, at a key that it does not name.
-- ARGV[1] "{prefix}:", ARGV[2] now (ms), ARGV[3] ARGV[4] epoch and sequence the caller has seen ('' for none)

KEYS[#KEYS] = nil

local FORMAT = 3 -- of the data; data of another format is treated like that of another server: it is rebuilt
local REMEMBERED = '7776000000' -- ms (90 days) that a released attempt is stored, so that a late repeat takes nothing
local STATES = {held = true, waiting = true, occupied = true, none = true}
local match, format = string.match, string.format
local now = ARGV[2]
local trace = '' -- traceparent of the claim in hand
local epoch, sequence, start
local programmes, changed = {}, {}

-- A whole number as digits: Lua itself writes 1e+14.
local function digits(n)
  return format('%.0f', n)
end

-- Whether `got` ('@epoch', '@sequence') is the data that the caller has seen, or newer data of the same epoch.
-- Data whose epoch or sequence are no numbers is none: it is rebuilt.
local function current(got)
  epoch, sequence = got[1], got[2] and match(got[2], '^%d+$') and tonumber(got[2])
  start = sequence
  return epoch and sequence and match(epoch, '^%d+$') and (ARGV[3] == '' or (ARGV[3] == epoch and tonumber(ARGV[4]) <= sequence))
end

-- The run id of the answering server, new at each of its starts, and the format; nil where the server hides its id.
local function this_server()
  local run_id = match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  return run_id and run_id .. '.' .. FORMAT
end

-- Begin an epoch without a step, open ('@epoch') or to be rebuilt ('@rebuilding').
-- The long value keeps the hash a table: as a list, each field read would be a search.
local function begin_epoch(as, name)
  redis.call('HSET', KEYS[1], as, name, '@sequence', '0',
    '@record', 'places held occupied suspended(0|1) confirmed(ms) version center region modality')
end

-- Whether the data is being rebuilt as epoch `name`: nothing else may change it then.
local function rebuilding_as(name)
  local got = redis.call('HMGET', KEYS[1], '@rebuilding', '@sequence')
  epoch, sequence, start = got[1], tonumber(got[2]), tonumber(got[2])
  return epoch == name
end

-- The highest epoch that is known here: open, being rebuilt, or only in the stream; nil without one.
local function highest_epoch()
  local got = redis.call('HMGET', KEYS[1], '@epoch', '@rebuilding')
  local step = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
  local highest
  for _, one in ipairs({got[1] or '0', got[2] or '0', step and match(step[1], '^%d+') or '0'}) do
    if one ~= '0' and match(one, '^%d+$') and (not highest or tonumber(one) > tonumber(highest)) then highest = one end
  end
  return highest
end

-- A programme's record, or false where it is none: such a programme has no places until it is rebuilt.
local function parse(record)
  local places, held, occupied, suspended, rest = match(record, '^(%d+) (%d+) (%d+) (%d) (.*)$')
  return places and {
    places = tonumber(places), held = tonumber(held), occupied = tonumber(occupied),
    suspended = suspended, rest = rest,
  } or false
end

-- The programme with this script's changes so far, or false when it was never opened.
local function programme(id)
  if programmes[id] == nil then
    local record = redis.call('HGET', KEYS[1], id)
    programmes[id] = record and parse(record)
  end
  return programmes[id]
end

local function record_of(p)
  return format('%.0f %.0f %.0f %s %s', p.places, p.held, p.occupied, p.suspended, p.rest)
end

local function free(places, held, occupied, suspended)
  local left = places - held - occupied
  return (suspended == '0' and left > 0) and left or 0
end

local function server_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function set_lease(key, owner, ms)
  redis.call('SET', key, owner .. ' ' .. digits(server_ms() + ms))
end

-- Owner and end (ms by Redis' clock) of a lease; nil without one.
local function lease_of(key)
  local owner, ends = match(redis.call('GET', key) or '', '^(%S+) (%d+)$')
  return owner, tonumber(ends)
end

local function queue(id)
  return ARGV[1] .. 'queue:' .. id
end

local function trace_key(referral)
  return ARGV[1] .. 'trace:' .. referral
end

-- Append a step, with the trace in hand.
local function append(...)
  sequence = sequence + 1
  local id = epoch .. '-' .. digits(sequence)
  if trace == '' then
    redis.call('XADD', KEYS[2], id, ...)
  else
    redis.call('XADD', KEYS[2], id, 'traceparent', trace, ...)
  end
end

-- Append a step of programme `id`, with its record and queue length after the step.
local function emit(kind, id, referral, attempt, ...)
  local p = programmes[id]
  local record = record_of(p)
  changed[id] = record
  append('type', kind, 'at', now, 'referral', referral, 'attempt', attempt and digits(attempt) or '', 'programme', id,
    'record', record, 'waiting', redis.call('ZCARD', queue(id)), ...)
end

-- Write every programme that changed, and the sequence, when there was a step.
local function finish()
  if sequence == start then return end
  local fields = {'@sequence', digits(sequence)}
  for id, record in pairs(changed) do
    if #fields >= 2000 then -- unpack takes about 8,000
      redis.call('HSET', KEYS[1], unpack(fields))
      fields = {}
    end
    fields[#fields + 1] = id
    fields[#fields + 1] = record
  end
  redis.call('HSET', KEYS[1], unpack(fields))
end

-- A claim as it is stored; without programmes one that was released.
local function claim_of(attempt, state, rank, names)
  return digits(attempt) .. ' ' .. state .. (names and ' ' .. rank .. ' ' .. names or '')
end

-- Attempt, state, rank and programmes (joined by spaces) of a claim, and the claim itself; nil without one.
-- One that cannot be read counts as none: the audit finds it, and a rebuild makes it anew.
local function read_claim(key)
  local claim = redis.call('GET', key)
  if not claim then return nil end
  local attempt, state, rank, names = match(claim, '^(%d+) (%a+) ?(%S*) ?(.*)$')
  if not attempt or not STATES[state] then return nil, nil, nil, nil, claim end
  return tonumber(attempt), state, rank, names, claim
end

-- A claim for comparison: {referral, claim or '0 none', the queues in which it stands at its rank, joined by spaces}.
local function describe(key, referral)
  local _, state, rank, names, claim = read_claim(key)
  local stands = {}
  if state == 'waiting' then
    for name in string.gmatch(names, '%S+') do
      local score = redis.call('ZSCORE', queue(name), referral)
      if score and tonumber(score) == tonumber(rank) then stands[#stands + 1] = name end
    end
  end
  return {referral, claim or '0 none', table.concat(stands, ' ')}
end

-- Append to `result` every programme, its record and the length of its queue.
local function add_figures(result)
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 1) ~= '@' then
      local n = #result
      result[n + 1], result[n + 2], result[n + 3] = all[i], all[i + 1], redis.call('ZCARD', queue(all[i]))
    end
  end
  return result
end

-- Hand each free place of `id` to the first referral in its queue, which leaves every other queue.
local function hand_over(id)
  local p = programmes[id]
  while free(p.places, p.held, p.occupied, p.suspended) > 0 do
    local first = redis.call('ZPOPMIN', queue(id))[1]
    if not first then return end
    local attempt, state, rank, names = read_claim(ARGV[1] .. 'claim:' .. first)
    if state == 'waiting' then
      local left = {}
      for name in string.gmatch(names, '%S+') do
        if name ~= id then
          redis.call('ZREM', queue(name), first)
          left[#left + 1] = name
        end
      end
      redis.call('SET', ARGV[1] .. 'claim:' .. first, claim_of(attempt, 'held', rank, id))
      p.held = p.held + 1
      local in_hand = trace
      trace = redis.call('GET', trace_key(first)) or ''
      emit('handed_over', id, first, attempt, 'left', table.concat(left, ' '))
      trace = in_hand
    end
  end
end

-- Take a place from `referral` and hand it over, or remove its queue entries.
local function give_back(referral, attempt, state, names)
  if state == 'waiting' then
    for name in string.gmatch(names, '%S+') do redis.call('ZREM', queue(name), referral) end
    append('type', 'withdrawn', 'at', now, 'referral', referral, 'attempt', digits(attempt), 'programmes', names)
  elseif state ~= 'none' then
    local p = programme(names)
    if not p then return end
    p[state] = p[state] - 1
    emit('released', names, referral, attempt)
    hand_over(names)
  end
end

-- The answer about one claim: {state, attempt, programmes, repeated}.
local function claim_result(state, attempt, names, repeated)
  return {state, attempt, (state ~= 'stale' and state ~= 'none') and names or '', repeated and 1 or 0}
end

-- Run `step` on each claim of KEYS[3...] with its `width` arguments from ARGV[5...], unless the data is not current:
-- {'rebuilding'} | {'ok', epoch, sequence, the result for each claim}.
local function for_each_claim(width, step)
  if not current(redis.call('HMGET', KEYS[1], '@epoch', '@sequence')) then return {'rebuilding'} end
  local result = {'ok', epoch, sequence}
  for i = 3, #KEYS do
    local first = 5 + (i - 3) * width
    result[i + 1] = step(KEYS[i], unpack(ARGV, first, first + width - 1))
  end
  finish()
  result[3] = sequence
  return result
end
